import { describe, expect, it } from 'vitest';

import { backoffMs, staggerMs, suppressionDelayMs } from '../../../lib/protocol/delay.ts';
import { UNHURRIED_MS } from '../../../lib/protocol/life/hints.ts';
import { GARBAGE_COLLECTION_GRACE_MS, WATCHED_POLL_MS } from '../../../lib/protocol/life/look.ts';
import {
  type Command,
  type Event,
  type Failure,
  type State,
  start,
} from '../../../lib/protocol/life/state.ts';
import { step } from '../../../lib/protocol/life/step.ts';
import type { PodIdentity, PodReading } from '../../../lib/protocol/model.ts';
import {
  ME,
  RIVAL,
  SETTINGS,
  aLock,
  aPod,
  aReading,
  aState,
  anEndedPod,
  inspected,
  lockWithout,
  ofMe,
} from '../fixtures.ts';
import {
  NOW,
  type Outcome,
  type Row,
  after,
  attempted,
  attempting,
  decisions,
  gone,
  inspecting,
  looked,
  reclaimed,
  seen,
  timeUp,
  waiting,
  when,
} from './fixtures.ts';

const waits = (forMs: number): Command => ({ do: 'wait', untilMs: NOW + forMs });
const mine = aLock({ owner: ME, mark: ME });
const myPod = aPod(ME);
const another = { name: 'app-2', uid: 'uid-of-app-2' };
const watchedPoll = waits(0.9 * WATCHED_POLL_MS);
const forgotten = {
  lock: undefined,
  holder: undefined,
  leftSinceMs: undefined,
  notReadySinceMs: undefined,
  misses: 0,
  obstacle: 'none',
};

it('a candidate has the patience that the docs name', () => {
  expect(GARBAGE_COLLECTION_GRACE_MS).toBe(2_000);
  expect(WATCHED_POLL_MS).toBeGreaterThanOrEqual(10 * 60_000);
  expect(WATCHED_POLL_MS).toBeLessThanOrEqual(60 * 60_000);
});

describe('a candidate starts', () => {
  it('by creating the lock and checking itself at once if it knows its UID', () => {
    expect(start(SETTINGS, ME.uid)).toStrictEqual({
      settings: SETTINGS,
      command: attempting,
      podUid: ME.uid,
      lock: undefined,
      holder: undefined,
      predecessors: [],
      inherited: false,
      unseen: false,
      obstacle: 'none',
      next: 'attempt',
      candidateCount: 1,
      polls: 0,
      misses: 0,
      leftSinceMs: undefined,
      notReadySinceMs: undefined,
    });
  });

  it('by reading its own Pod if it does not', () => {
    expect(start(SETTINGS, undefined)).toMatchObject({
      command: { do: 'identify' },
      podUid: undefined,
    });
  });
});

describe('an event', () => {
  const hints: Event[] = [
    seen(aLock()),
    gone(),
    { type: 'pod-seen', pod: aReading('absent') },
    { type: 'node-changed' },
    { type: 'watch-opened', of: 'lock' },
    { type: 'watch-lost', of: 'lock' },
  ];
  const [identified, evicted]: Event[] = [
    { type: 'identified', self: 'absent' },
    { type: 'evicted' },
  ];
  const all = [identified, attempted('exists'), inspected(), reclaimed, evicted, timeUp, ...hints];
  const failure: Failure = { because: 'pod-not-found' };

  it.each<[Command, (Event | undefined)[]]>([
    [{ do: 'identify' }, [identified]],
    [attempting, [attempted('exists')]],
    [inspecting, [inspected(), gone()]],
    [{ do: 'reclaim', lock: aLock() }, [reclaimed]],
    [{ do: 'evict', pod: aPod() }, [evicted]],
    [waits(0), [timeUp, ...hints]],
    [{ do: 'lead', lock: mine }, []],
    [{ do: 'withdraw', lock: mine, failure }, []],
    [{ do: 'fail', failure }, []],
  ])('that does not answer %o throws: it is our bug', (command, answers) => {
    const legal = answers.map((event) => event?.type);
    for (const event of all) {
      if (!event) continue;
      const act = () => step(aState({ command }), event, when);
      const text = `illegal transition: ${event.type} does not answer ${command.do}`;
      if (legal.includes(event.type)) expect(act).not.toThrow();
      else expect(act).toThrow(new Error(text));
    }
  });

  it('that makes a candidate without a UID attempt throws: it is our bug', () => {
    const command: Command = { do: 'reclaim', lock: aLock() };
    const nobody = aState({ podUid: undefined, lock: aLock(), command });
    expect(() => after(nobody, reclaimed)).toThrow(
      new Error('illegal state: an attempt without a Pod UID'),
    );
  });

  it('changes no state that was handed in', () => {
    const state = Object.freeze(waiting());
    after(state, gone());
    expect(state).toEqual(waiting());
  });
});

describe('LIFE-3: what a candidate reads of its own Pod', () => {
  const mismatch: Failure = { because: 'pod-uid-mismatch', expected: ME.uid, actual: 'another' };
  const unfit: [string, PodReading['found'], Failure][] = [
    ['is not there', 'absent', { because: 'pod-not-found' }],
    ['has another UID', { ...myPod, uid: 'another' }, mismatch],
    ['has another UID and is deleted', { ...myPod, uid: 'another', deleting: true }, mismatch],
    ['is being deleted', { ...myPod, deleting: true }, { because: 'pod-terminating' }],
    ['has failed', { ...myPod, phase: 'Failed' }, { because: 'pod-terminating' }],
    ['may not be read', 'unreadable', { because: 'pod-uid-unverified', podUid: ME.uid }],
  ];
  const tried = (outcome: Outcome, found: PodReading['found'], trustsPodUid = false) => {
    const settings = { ...SETTINGS, trustsPodUid };
    return after(aState({ command: attempting, settings }), attempted(outcome, [], ofMe(found)))
      .command;
  };
  const identify = (self: PodReading['found']) =>
    after(start(SETTINGS, undefined), { type: 'identified', self } as Event);

  it('gives it its UID, and it creates the lock without reading itself again', () => {
    const command = { do: 'attempt', podUid: ME.uid, verify: false };
    expect(identify(myPod)).toMatchObject({ command, podUid: ME.uid });
  });

  it.each<[PodReading['found'], string]>([
    ['absent', 'pod-not-found'],
    [{ ...myPod, deleting: true }, 'pod-terminating'],
    [{ ...myPod, phase: 'Failed' }, 'pod-terminating'],
    [{ ...myPod, phase: 'Succeeded', mayRun: false }, 'pod-terminating'],
  ])('ends it before it creates the lock, if that is %j: %s', (self, because) => {
    expect(identify(self).command).toEqual({ do: 'fail', failure: { because } });
  });

  it.each(unfit)('makes it take back its lock, or fail, if that %s', (_, found, failure) => {
    expect(tried(mine, found)).toEqual({ do: 'withdraw', lock: mine, failure });
    for (const outcome of ['exists', 'quota'] as const) {
      expect(tried(outcome, found)).toEqual({ do: 'fail', failure });
    }
    // The caller's word is enough only for what may not be read.
    if (found !== 'unreadable')
      expect(tried('exists', found, true)).toEqual({ do: 'fail', failure });
  });

  it.each([myPod, { ...myPod, phase: 'Pending', mayRun: false }])(
    'lets it lead if it is %j',
    (found) => {
      expect(tried(mine, found)).toEqual({ do: 'lead', lock: mine });
    },
  );

  it('lets it lead unread if the caller gave its UID', () => {
    expect(tried(mine, 'unreadable', true)).toEqual({ do: 'lead', lock: mine });
    expect(tried('exists', 'unreadable', true).do).toBe('inspect');
  });
});

describe('a candidate that tried to create the lock', () => {
  const tried = (outcome: Outcome, before: Partial<State> = {}) =>
    after(aState({ command: attempting, ...before }), {
      ...attempted(outcome),
      self: undefined,
    } as Event);

  decisions({
    'leads if it did, and had read its Pod before': [() => tried(mine), { do: 'lead', lock: mine }],
    'looks who has it if it exists': [() => tried('exists'), { do: 'inspect', search: true }],
    'forgets the quota if it exists': [
      () => tried('exists', { obstacle: 'quota' }),
      { obstacle: 'none' },
    ],
    'looks if the quota is used up, and knows why': [
      () => tried('quota'),
      { command: inspecting, obstacle: 'quota' },
    ],
  });
});

describe('a candidate that found the lock free', () => {
  const find = (state: Partial<State>, candidateCount = 100) =>
    looked(aState(state), { lock: undefined, candidateCount });
  const impatient = { ...SETTINGS, maxBackoffMs: 300 };
  const free = {
    lock: undefined,
    next: 'attempt',
    obstacle: 'none',
    misses: 1,
    candidateCount: 100,
  };

  decisions({
    'creates it soon, spread over the crowd': [
      () => find({}),
      { ...free, command: waits(suppressionDelayMs(100, 0.5)) },
    ],
    'creates it at once among a few': [() => find({}, 5), waits(0)],
    ...Object.fromEntries(
      [1, 2, 9].map((misses): [string, Row] => [
        `is patient after ${misses} attempts that failed for no reason`,
        [
          () => find({ misses }),
          { ...free, misses: misses + 1, command: waits(backoffMs(misses, 16_000, 0.5)) },
        ],
      ]),
    ),
    'is patient from the start if the quota is used up': [
      () => find({ obstacle: 'quota' }),
      { ...free, obstacle: 'quota', command: waits(backoffMs(0, 16_000, 0.5)) },
    ],
    'forgets what the obstacle was': [
      () => find({ obstacle: 'terminating' }),
      { obstacle: 'none' },
    ],
    'waits no longer than the maximum': [
      () => find({ misses: 20, settings: impatient }),
      waits(270),
    ],
    'creates it when its time has come': [() => after(find({}), timeUp), attempting],
  });
});

describe('a candidate that has read the lock', () => {
  const look = (changes: Parameters<typeof looked>[1], state: Partial<State> = {}) =>
    looked(aState(state), { candidateCount: 1, ...changes });
  const foreign = lockWithout('owner', 'mark');
  const failure: Failure = { because: 'foreign-lock', lock: foreign };
  const stripped = { ...lockWithout('owner'), mark: ME };
  const former = { name: ME.name, uid: 'former' };
  const formerLock = { lock: aLock({ owner: former }), pods: [aReading(myPod, former)] };
  const deleted = { command: watchedPoll, next: 'inspect', obstacle: 'lock-deleting' };

  decisions({
    'fails if no Pod owns it and it is not ours': [
      () => look({ lock: foreign }),
      { do: 'fail', failure },
    ],
    'fails even if that is deleted': [
      () => look({ lock: { ...foreign, deleting: true } }),
      { command: { do: 'fail' } },
    ],
    'leads if its own Pod owns it: a restart, or a late create': [
      () => look({ lock: mine }),
      { do: 'lead', lock: mine },
    ],
    'leads if only its mark is left': [
      () => look({ lock: stripped }),
      { do: 'lead', lock: stripped },
    ],
    'LIFE-2: does not lead by its name with another UID': [
      () => look(formerLock),
      { obstacle: 'gone', command: waits(GARBAGE_COLLECTION_GRACE_MS) },
    ],
    'waits while finalizers keep its own': [
      () => look({ lock: { ...mine, deleting: true } }),
      deleted,
    ],
    "waits while finalizers keep another's": [
      () => look({ lock: aLock({ deleting: true }) }),
      deleted,
    ],
    'LIFE-4: deletes it if its holder has failed': [
      () => look({ holder: anEndedPod() }),
      { do: 'reclaim', lock: aLock() },
    ],
    'LIFE-4: deletes it if its holder has succeeded': [
      () => look({ holder: anEndedPod({ phase: 'Succeeded' }) }),
      { do: 'reclaim', lock: aLock() },
    ],
  });

  it.each<[PodReading['found'], State['obstacle']]>([
    [aPod(), 'alive'],
    [aPod({ deleting: true }), 'terminating'],
    [aPod({ phase: 'Failed' }), 'finishing'],
    ['unreadable', 'unknown'],
  ])('LIFE-4: waits if its holder is %j: %s', (holder, obstacle) => {
    expect(look({ holder, candidateCount: 7 }, { polls: 4, misses: 3 })).toMatchObject({
      ...{ command: watchedPoll, lock: aLock(), holder: aReading(holder), obstacle },
      ...{ next: 'inspect', candidateCount: 7, polls: 0, misses: 0 },
    });
  });

  it.each<[PodReading['found'], State['obstacle']]>([
    [aPod(), 'alive'],
    ['unreadable', 'unknown'],
  ])('looks ever less often without a watch, if its holder is %j: %s', (holder, obstacle) => {
    let state = look({ holder, watched: false });
    const delays: number[] = [];
    for (let polls = 1; polls <= 7; polls++) {
      expect(state).toMatchObject({ obstacle, next: 'inspect', polls });
      if (state.command.do === 'wait') delays.push(state.command.untilMs - NOW);
      state = after(state, timeUp, inspected({ holder, watched: false }));
    }
    expect(delays).toEqual([900, 1_800, 3_600, 7_200, 14_400, 14_400, 14_400]);
  });

  it('counts its looks anew once there was a watch', () => {
    const state = look({ watched: false }, { polls: 5 });
    expect(state.polls).toBe(6);
    expect(looked(state).polls).toBe(0);
  });
});

describe('LIFE-4: a candidate that finds the lock of a Pod that is gone', () => {
  const known = aState({ lock: aLock() });
  const look = (passedMs: number, state: State, changes = {}) =>
    looked(state, { holder: 'absent', ...changes }, NOW + passedMs);
  const first = () => look(0, known);
  const newer = aLock({ resourceVersion: '8' });
  const stripped = lockWithout('owner');
  const anew = { command: { do: 'wait' }, leftSinceMs: NOW + 5_000 };
  const graceMs = GARBAGE_COLLECTION_GRACE_MS + suppressionDelayMs(100, 0.5);

  decisions({
    'leaves it to the garbage collector at first': [
      first,
      { command: waits(graceMs), obstacle: 'gone', next: 'inspect', leftSinceMs: NOW },
    ],
    'counts from its first look': [
      () => look(1_999, first()),
      { command: { do: 'wait' }, leftSinceMs: NOW },
    ],
    'deletes it after the grace': [
      () => look(2_000, look(1_999, first())),
      { do: 'reclaim', lock: aLock() },
    ],
    'deletes a newer version': [
      () => look(5_000, first(), { lock: newer }),
      { do: 'reclaim', lock: newer },
    ],
    'deletes it if its owner was stripped meanwhile': [
      () => look(5_000, first(), { lock: stripped }),
      { do: 'reclaim', lock: stripped },
    ],
    'counts anew for another lock': [
      () => look(5_000, first(), { lock: aLock({ uid: 'lock-2' }) }),
      anew,
    ],
    'counts anew for another owner': [
      () => look(5_000, first(), { lock: aLock({ owner: another }) }),
      anew,
    ],
    'counts anew if it knew of no lock': [() => look(5_000, aState({ leftSinceMs: 0 })), anew],
  });
});

describe('a candidate that may take over from nodes that are not ready', () => {
  const settings = { ...SETTINGS, takeOverFromNotReadyNodeAfterMs: 40_000 };
  const known = aState({ settings, lock: aLock() });
  const since = { ...known, notReadySinceMs: NOW };
  const look = (passedMs: number, state: State, changes = {}) =>
    step({ ...state, command: inspecting }, inspected({ node: 'not-ready', ...changes }), {
      nowMs: NOW + passedMs,
      random: 0,
    });
  const first = {
    command: waits(1_000),
    obstacle: 'node-not-ready',
    next: 'inspect',
    polls: 1,
    notReadySinceMs: NOW,
  };
  const only = (obstacle: string) => ({ command: waits(99_999 + WATCHED_POLL_MS), obstacle });
  const lock = aLock({ uid: 'lock-2' });

  decisions({
    'keeps looking, for the node may be ready in between': [() => look(0, known), first],
    'looks ever less often': [
      () => look(1_000, look(0, known), { watched: false }),
      { command: waits(3_000), polls: 2, notReadySinceMs: NOW },
    ],
    'looks when the time is over at the latest': [() => look(39_500, since), waits(40_000)],
    'does not delete the Pod a moment sooner': [
      () => look(39_999.9, since),
      { command: { do: 'wait' } },
    ],
    ...Object.fromEntries(
      [aPod(), aPod({ deleting: true }), aPod({ phase: 'Failed' })].map((pod): [string, Row] => [
        `deletes the Pod then: ${pod.phase}, deleting: ${pod.deleting}`,
        [
          () => look(40_000, since, { holder: pod }),
          { command: { do: 'evict', pod }, notReadySinceMs: NOW },
        ],
      ]),
    ),
    'only waits if the node is ready': [
      () => look(99_999, since, { node: 'ready' }),
      only('alive'),
    ],
    'only waits if the node is gone': [
      () => look(99_999, since, { node: 'absent' }),
      only('alive'),
    ],
    'only waits if the node was not read': [
      () => look(99_999, since, { node: undefined }),
      only('alive'),
    ],
    'only waits if the Pod may not be read': [
      () => look(99_999, since, { holder: 'unreadable' }),
      only('unknown'),
    ],
    'counts anew if the node was ready in between': [
      () => look(60_000, look(30_000, since, { node: 'ready' })),
      { command: { do: 'wait' }, notReadySinceMs: NOW + 60_000 },
    ],
    'counts anew for another lock': [
      () => look(60_000, look(30_000, since, { lock }), { lock }),
      { command: { do: 'wait' }, notReadySinceMs: NOW + 30_000 },
    ],
    'reclaims if the Pod has ended': [
      () => look(0, known, { holder: anEndedPod() }),
      { command: { do: 'reclaim' } },
    ],
    'waits for the garbage collector if it is gone': [
      () => look(0, known, { holder: 'absent' }),
      { obstacle: 'gone' },
    ],
    'never deletes a Pod untold': [
      () => look(2 ** 31, { ...since, settings: SETTINGS }),
      { command: { do: 'wait' } },
    ],
  });
});

describe('a candidate that has deleted', () => {
  const command: Command = { do: 'reclaim', lock: aLock() };
  const reclaiming = waiting({ command, misses: 2, leftSinceMs: NOW, notReadySinceMs: NOW });
  const evicting = aState({ command: { do: 'evict', pod: aPod() }, lock: aLock() });

  it('the lock creates it at once', () => {
    expect(after(reclaiming, reclaimed)).toMatchObject({ command: attempting, ...forgotten });
  });

  it.each<[string, State, Event]>([
    ['no lock, as another was faster', reclaiming, { type: 'reclaimed', mine: false }],
    ["the holder's Pod", evicting, { type: 'evicted' }],
  ])('%s looks', (_, state, event) => {
    expect(after(state, event)).toEqual({ ...state, command: inspecting });
  });
});

describe('a candidate that waits', () => {
  const before = waiting({ leftSinceMs: 1, notReadySinceMs: 1, misses: 2 });
  const spread = waits(suppressionDelayMs(100, 0.5));
  const settled = waits(staggerMs(100, 0.5));
  const soon = waiting({}, NOW + 1);
  const about = waiting(
    { next: 'attempt', lock: undefined, holder: undefined, obstacle: 'none' },
    NOW + 3,
  );
  const lock2 = aLock({ uid: 'lock-2', owner: another });
  const standsDown = { command: settled, next: 'inspect', ...forgotten };
  const absent: Event = { type: 'pod-seen', pod: aReading('absent') };
  const nodeChanged: Event = { type: 'node-changed' };
  const opened = (of: 'lock' | 'holder'): Event => ({ type: 'watch-opened', of });
  const lost = (of: 'lock' | 'node'): Event => ({ type: 'watch-lost', of });

  decisions({
    'looks when its time has come': [
      () => after(waiting(), timeUp),
      { ...waiting(), command: inspecting },
    ],
    'creates the lock soon after it is gone, spread over the crowd': [
      () => after(before, gone()),
      { command: spread, next: 'attempt', ...forgotten, candidateCount: 100 },
    ],
    'cuts a look short when the lock is gone': [
      () => after(waiting({ command: inspecting }), gone()),
      { command: spread, next: 'attempt' },
    ],
    'looks in its turn after a change of the node': [
      () => after(waiting(), nodeChanged),
      waiting({ command: settled }),
    ],
    'looks in its turn after a watch on the lock opened': [
      () => after(waiting(), opened('lock')),
      waiting({ command: settled }),
    ],
    'looks in its turn after a watch on the holder opened': [
      () => after(waiting(), opened('holder')),
      waiting({ command: settled }),
    ],
    'looks after a first backoff when a watch is lost': [
      () => after(waiting(), lost('node')),
      waiting({ command: waits(backoffMs(0, 16_000, 0.5)) }),
    ],
    'looks no later than planned': [() => after(soon, nodeChanged, lost('lock'), absent), soon],
    'stands down if it sees another lock': [
      () => after(before, seen(aLock({ uid: 'lock-2' }))),
      standsDown,
    ],
    'stands down if it sees another owner': [
      () => after(before, seen(aLock({ owner: ME }))),
      standsDown,
    ],
    'stands down if it sees no holder any more': [
      () => after(before, seen(lockWithout('owner', 'mark'))),
      standsDown,
    ],
    'stands down if it was about to create it': [
      () => after(about, seen(aLock())),
      { command: settled, lock: undefined, next: 'inspect' },
    ],
    'looks who took it, even if both locks go next': [
      () => after(waiting(), seen(lock2), gone(), gone(lock2)),
      { command: { do: 'wait' }, next: 'inspect' },
    ],
    'looks then when its time has come': [
      () => after(waiting(), seen(lock2), gone(), gone(lock2), timeUp),
      inspecting,
    ],
  });

  it.each([
    ['another lock', waiting()],
    ['another lock, while it looks', waiting({ command: inspecting })],
    ['a lock, when it knows of none', aState({ command: inspecting })],
  ])('goes on as before if %s is gone, and notes its holder', (_, state) => {
    const lock = aLock({ uid: 'lock-0', owner: another, mark: another });
    expect(after(state, gone(lock))).toEqual({ ...state, predecessors: [another] });
  });

  it.each([nodeChanged, opened('lock'), lost('lock'), absent])(
    'attempts a free lock in spite of %j',
    (hint) => {
      for (const state of [about, waiting({ next: 'attempt' }, NOW + 5_000)]) {
        expect(after(state, hint)).toEqual(state);
      }
    },
  );

  it('goes on as before if it sees nothing new of the lock', () => {
    for (const lock of [aLock(), aLock({ resourceVersion: '8', attempt: 'attempt-2' })]) {
      expect(after(waiting(), seen(lock))).toEqual(waiting());
    }
    const foreign = lockWithout('owner', 'mark');
    const known = waiting({ lock: foreign });
    expect(after(known, seen({ ...foreign, resourceVersion: '8' }))).toBe(known);
  });

  it.each([{ deleting: true }, { released: true }])(
    'looks unhurried if the lock has become %j, and forgets nothing',
    (changes) => {
      const lock = aLock(changes);
      const state = after(before, seen(lock));
      const command = waits(staggerMs(100, 0.5) + UNHURRIED_MS);
      expect(state).toEqual({ ...before, lock, command });
      expect(after(state, seen(lock))).toBe(state);
      // An event that was overtaken.
      expect(after(state, seen(aLock()))).toBe(state);
    },
  );
});

describe('a candidate that waits and sees a Pod', () => {
  const see = (found: PodReading['found'], of: PodIdentity = RIVAL, state = waiting()) =>
    after(state, { type: 'pod-seen', pod: { of, found } });
  const hurried = NOW + suppressionDelayMs(100, 0.5);
  const unhurried = NOW + UNHURRIED_MS + staggerMs(100, 0.5);
  const successor = aPod({ uid: 'successor' });
  const leaving = aPod({ deleting: true });

  it.each<[PodReading['found'], PodIdentity, number]>([
    [anEndedPod(), RIVAL, hurried],
    [anEndedPod({ phase: 'Succeeded' }), RIVAL, hurried],
    ['absent', RIVAL, unhurried],
    [leaving, RIVAL, unhurried],
    [aPod({ phase: 'Failed' }), RIVAL, unhurried],
    ['unreadable', RIVAL, unhurried],
    [successor, RIVAL, unhurried],
    [successor, successor, unhurried],
    [anEndedPod({ uid: 'successor' }), successor, unhurried],
    ['absent', successor, unhurried],
  ])('looks, in a hurry only if its holder has ended: %j of %j', (found, of, untilMs) => {
    expect(see(found, of)).toEqual(waiting({}, untilMs));
  });

  it.each<[PodReading['found'], PodReading['found']]>([
    [aPod(), aPod()],
    [aPod({ phase: 'Pending', nodeName: 'n2' }), aPod()],
    [successor, 'absent'],
  ])('goes on as before if that says nothing new: %j', (found, known) => {
    const before = waiting({ holder: aReading(known) });
    expect(see(found, RIVAL, before)).toBe(before);
  });

  it.each([lockWithout('owner', 'mark'), undefined])(
    'goes on if the lock %j has no holder',
    (lock) => {
      const before = waiting({ lock, holder: undefined });
      expect(see('absent', RIVAL, before)).toBe(before);
    },
  );

  it.each<[PodReading['found'], number]>([
    ['absent', hurried],
    [successor, hurried],
    [anEndedPod({ deleting: true }), hurried],
    [aPod({ deleting: true, phase: 'Failed' }), unhurried],
    ['unreadable', unhurried],
  ])('looks, in a hurry if it waits for that with its own lock: %j', (found, untilMs) => {
    const held = { lock: mine, holder: aReading(leaving), predecessors: [RIVAL] };
    expect(see(found, RIVAL, waiting(held))).toEqual(waiting(held, untilMs));
  });
});
