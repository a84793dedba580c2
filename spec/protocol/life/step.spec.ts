import { describe, expect, it } from 'vitest';

import { backoffMs, staggerMs, suppressionDelayMs } from '../../../lib/protocol/delay.ts';
import {
  type Command,
  type Event,
  type Failure,
  type State,
  start,
} from '../../../lib/protocol/life/state.ts';
import { GARBAGE_COLLECTION_GRACE_MS, WATCHED_POLL_MS } from '../../../lib/protocol/life/look.ts';
import { UNHURRIED_MS } from '../../../lib/protocol/life/hints.ts';
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

const NOW = 50_000;
const when = { nowMs: NOW, random: 0.5 };

const inspecting: Command = { do: 'inspect', search: false };
const attempting: Command = { do: 'attempt', podUid: ME.uid, verify: true };

const mine = aLock({ owner: ME, mark: ME });
const myPod = aPod({ ...ME });

/** Waiting for the rival, whose Pod runs, with a look planned at a given time. */
function waiting(changes: Partial<State> = {}, untilMs = NOW + 60_000): State {
  return aState({
    command: { do: 'wait', untilMs },
    lock: aLock(),
    holder: aReading(),
    obstacle: 'alive',
    next: 'inspect',
    candidateCount: 100,
    polls: 3,
    ...changes,
  });
}

describe('the patience of a candidate', () => {
  it('with the garbage collector is what the docs say', () => {
    expect(GARBAGE_COLLECTION_GRACE_MS).toBe(2_000);
  });

  it('with its watches is some minutes', () => {
    expect(WATCHED_POLL_MS).toBeGreaterThanOrEqual(10 * 60_000);
    expect(WATCHED_POLL_MS).toBeLessThanOrEqual(60 * 60_000);
  });
});

describe('a candidate starts', () => {
  it('by creating the lock and checking itself at once where it knows its UID', () => {
    const state = start(SETTINGS, ME.uid);
    expect(state).toStrictEqual({
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

  it('by reading its own Pod where it does not', () => {
    const state = start(SETTINGS, undefined);
    expect(state.command).toEqual({ do: 'identify' });
    expect(state.podUid).toBeUndefined();
  });
});

describe('transitions that are our bug', () => {
  const events: Event[] = [
    { type: 'identified', self: 'absent' },
    { type: 'attempted', outcome: 'exists', self: ofMe(), predecessors: [] },
    inspected(),
    { type: 'reclaimed', mine: true },
    { type: 'evicted' },
    { type: 'time-up' },
    { type: 'lock-seen', lock: aLock() },
    { type: 'lock-gone', lock: aLock() },
    { type: 'pod-seen', pod: aReading('absent') },
    { type: 'node-changed' },
    { type: 'watch-opened', of: 'lock' },
    { type: 'watch-lost', of: 'lock' },
  ];
  const hints = events.slice(6).map(({ type }) => type);
  const failure: Failure = { because: 'pod-not-found' };
  const commands: [Command, Event['type'][]][] = [
    [{ do: 'identify' }, ['identified']],
    [attempting, ['attempted']],
    [inspecting, ['inspected', 'lock-gone']],
    [{ do: 'reclaim', lock: aLock() }, ['reclaimed']],
    [{ do: 'evict', pod: aPod() }, ['evicted']],
    [{ do: 'wait', untilMs: NOW }, ['time-up', ...hints]],
    [{ do: 'lead', lock: mine }, []],
    [{ do: 'withdraw', lock: mine, failure }, []],
    [{ do: 'fail', failure }, []],
  ];
  const rows = commands.flatMap(([command, answers]) =>
    events.map((event) => ({ command, event, legal: answers.includes(event.type) })),
  );

  it.each(rows.filter(({ legal }) => !legal))(
    'throw: $event.type does not answer $command.do',
    ({ command, event }) => {
      expect(() => step(aState({ command }), event, when)).toThrow(
        new Error(`illegal transition: ${event.type} does not answer ${command.do}`),
      );
    },
  );

  it.each(rows.filter(({ legal }) => legal))(
    'are not these: $event.type answers $command.do',
    ({ command, event }) => {
      expect(() => step(aState({ command }), event, when)).not.toThrow();
    },
  );

  it('throw: an attempt by nobody', () => {
    const command: Command = { do: 'reclaim', lock: aLock() };
    const nobody = aState({ podUid: undefined, lock: aLock(), command });
    expect(() => step(nobody, { type: 'reclaimed', mine: true }, when)).toThrow(
      new Error('illegal state: an attempt without a Pod UID'),
    );
  });

  it('change no state that was handed in', () => {
    const before = structuredClone(waiting());
    const state = Object.freeze(waiting());
    step(state, { type: 'lock-gone', lock: aLock() }, when);
    expect(state).toEqual(before);
  });
});

describe('having read its own Pod, a candidate', () => {
  const identify = (self: Event & { type: 'identified' }) =>
    step(start(SETTINGS, undefined), self, when);

  it('takes its UID and creates the lock, without reading itself again', () => {
    const state = identify({ type: 'identified', self: myPod });
    expect(state.command).toEqual({ do: 'attempt', podUid: ME.uid, verify: false });
    expect(state.podUid).toBe(ME.uid);
  });

  it.each([
    { self: 'absent', failure: { because: 'pod-not-found' } },
    { self: { ...myPod, deleting: true }, failure: { because: 'pod-terminating' } },
    { self: { ...myPod, phase: 'Failed' }, failure: { because: 'pod-terminating' } },
    {
      self: { ...myPod, phase: 'Succeeded', mayRun: false },
      failure: { because: 'pod-terminating' },
    },
  ] as const)('fails with $failure.because when it is $self', ({ self, failure }) => {
    const state = identify({ type: 'identified', self });
    expect(state.command).toEqual({ do: 'fail', failure });
  });
});

describe('having tried to create the lock, a candidate', () => {
  const attempted = (
    outcome: (Event & { type: 'attempted' })['outcome'],
    self: PodReading['found'] | undefined,
    before: Partial<State> = {},
  ) =>
    step(
      aState({ command: attempting, ...before }),
      { type: 'attempted', outcome, self: self && ofMe(self), predecessors: [] },
      when,
    );
  const mismatch = {
    because: 'pod-uid-mismatch',
    expected: ME.uid,
    actual: 'another',
  } as const;
  const unfit: [string, PodReading['found'], Failure][] = [
    ['is not there', 'absent', { because: 'pod-not-found' }],
    ['has another UID', { ...myPod, uid: 'another' }, mismatch],
    ['has another UID and is deleted', { ...myPod, uid: 'another', deleting: true }, mismatch],
    ['is being deleted', { ...myPod, deleting: true }, { because: 'pod-terminating' }],
    ['has failed', { ...myPod, phase: 'Failed' }, { because: 'pod-terminating' }],
    ['may not be read', 'unreadable', { because: 'pod-uid-unverified', podUid: ME.uid }],
  ];
  const settings = { ...SETTINGS, trustsPodUid: true };

  it.each([myPod, { ...myPod, phase: 'Pending', mayRun: false }])(
    'leads if it was created and its Pod is %j',
    (self) => {
      expect(attempted(mine, self).command).toEqual({ do: 'lead', lock: mine });
    },
  );

  it('leads if it was created and it had read its own Pod before', () => {
    expect(attempted(mine, undefined).command).toEqual({ do: 'lead', lock: mine });
  });

  it.each(unfit)('takes it back if its Pod %s', (_, self, failure) => {
    expect(attempted(mine, self).command).toEqual({ do: 'withdraw', lock: mine, failure });
  });

  it.each(unfit)('fails if somebody else has it and its own Pod %s', (_, self, failure) => {
    expect(attempted('exists', self).command).toEqual({ do: 'fail', failure });
    expect(attempted('quota', self).command).toEqual({ do: 'fail', failure });
  });

  it('goes on with a UID that cannot be verified, where the caller vouches for it', () => {
    const leads = attempted(mine, 'unreadable', { settings });
    expect(leads.command).toEqual({ do: 'lead', lock: mine });
    expect(attempted('exists', 'unreadable', { settings }).command.do).toBe('inspect');
  });

  it.each(unfit.slice(0, -1))(
    'does not take the word of the caller for it that its Pod %s',
    (_, self, failure) => {
      expect(attempted('exists', self, { settings }).command).toEqual({ do: 'fail', failure });
    },
  );

  it('looks who has it if it exists', () => {
    const state = attempted('exists', myPod);
    expect(state.command).toEqual({ do: 'inspect', search: true });
    expect(state.obstacle).toBe('none');
  });

  it('looks again if the quota is used up, and remembers why', () => {
    const state = attempted('quota', myPod);
    expect(state.command).toEqual(inspecting);
    expect(state.obstacle).toBe('quota');
  });

  it('forgets the quota when the lock exists after all', () => {
    expect(attempted('exists', myPod, { obstacle: 'quota' }).obstacle).toBe('none');
  });
});

describe('having found the lock free, a candidate', () => {
  const find = (state: Partial<State>, candidateCount = 100) =>
    step(
      aState({ command: inspecting, ...state }),
      inspected({ lock: undefined, candidateCount }),
      when,
    );

  it('creates it soon, spread over the crowd', () => {
    const state = find({ misses: 0 });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + suppressionDelayMs(100, 0.5) });
    expect(state).toMatchObject({
      next: 'attempt',
      obstacle: 'none',
      misses: 1,
      candidateCount: 100,
    });
    expect(state.lock).toBeUndefined();
  });

  it('creates it at once among a few', () => {
    expect(find({ misses: 0 }, 5).command).toEqual({ do: 'wait', untilMs: NOW });
  });

  it.each([
    { misses: 1, expected: backoffMs(1, 16_000, 0.5) },
    { misses: 2, expected: backoffMs(2, 16_000, 0.5) },
    { misses: 9, expected: backoffMs(9, 16_000, 0.5) },
  ])('is patient after $misses attempts that failed for no reason', ({ misses, expected }) => {
    const state = find({ misses });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + expected });
    expect(state).toMatchObject({ next: 'attempt', obstacle: 'none', misses: misses + 1 });
  });

  it('is patient from the start where the quota is used up', () => {
    const state = find({ misses: 0, obstacle: 'quota' });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + backoffMs(0, 16_000, 0.5) });
    expect(state).toMatchObject({ next: 'attempt', obstacle: 'quota', misses: 1 });
  });

  it('forgets what the obstacle was', () => {
    expect(find({ obstacle: 'terminating' }).obstacle).toBe('none');
  });

  it('never waits for longer than it was told', () => {
    const impatient = { ...SETTINGS, maxBackoffMs: 300 };
    const state = find({ misses: 20, settings: impatient });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 270 });
  });

  it('creates it when its time has come', () => {
    const state = step(find({}), { type: 'time-up' }, when);
    expect(state.command).toEqual(attempting);
  });
});

describe('having read the lock, a candidate', () => {
  const inspect = (changes: Parameters<typeof inspected>[0], state: Partial<State> = {}) =>
    step(aState({ command: inspecting, ...state }), inspected(changes), when);

  it('fails, and leaves it alone, if no Pod owns it and it is not marked as ours', () => {
    const lock = lockWithout('owner', 'mark');
    const failure = { because: 'foreign-lock', lock };
    expect(inspect({ lock }).command).toEqual({ do: 'fail', failure });
    expect(inspect({ lock: { ...lock, deleting: true } }).command).toMatchObject({ do: 'fail' });
  });

  it('leads if its own Pod owns it: a restarted container, or a create that went through', () => {
    expect(inspect({ lock: mine }).command).toEqual({ do: 'lead', lock: mine });
  });

  it('leads if its own Pod created it and the owner reference was stripped', () => {
    const lock = { ...lockWithout('owner'), mark: ME };
    expect(inspect({ lock }).command).toEqual({ do: 'lead', lock });
  });

  it('does not lead with a lock of a Pod that has its name, but another UID', () => {
    const former = { name: ME.name, uid: 'former' };
    const state = inspect({ lock: aLock({ owner: former }), pods: [aReading(myPod, former)] });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + GARBAGE_COLLECTION_GRACE_MS });
    expect(state.obstacle).toBe('gone');
  });

  it.each([mine, aLock()])('waits while finalizers keep a deleted lock', (lock) => {
    const state = inspect({ lock: { ...lock, deleting: true } });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 0.9 * WATCHED_POLL_MS });
    expect(state).toMatchObject({ next: 'inspect', obstacle: 'lock-deleting' });
  });

  it.each(['Failed', 'Succeeded'])('deletes it if its holder has %s for good', (phase) => {
    const state = inspect({ holder: anEndedPod({ phase }) });
    expect(state.command).toEqual({ do: 'reclaim', lock: aLock() });
  });

  it.each([
    { holder: aPod(), obstacle: 'alive' },
    { holder: aPod({ deleting: true }), obstacle: 'terminating' },
    { holder: aPod({ phase: 'Failed' }), obstacle: 'finishing' },
    { holder: 'unreadable', obstacle: 'unknown' },
  ] as const)('waits while its holder is $obstacle', ({ holder, obstacle }) => {
    const state = inspect({ holder, candidateCount: 7 }, { polls: 4, misses: 3 });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 0.9 * WATCHED_POLL_MS });
    expect(state).toMatchObject({
      lock: aLock(),
      holder: aReading(holder),
      obstacle,
      next: 'inspect',
      candidateCount: 7,
      polls: 0,
      misses: 0,
    });
  });

  it.each([
    { holder: aPod(), obstacle: 'alive' },
    { holder: 'unreadable', obstacle: 'unknown' },
  ] as const)(
    'looks again and again, ever less often, without a watch (holder: $obstacle)',
    ({ holder, obstacle }) => {
      let state = inspect({ holder, watched: false });
      const delays: number[] = [];
      for (let look = 0; look < 7; look++) {
        if (state.command.do === 'wait') delays.push(state.command.untilMs - NOW);
        expect(state).toMatchObject({ obstacle, next: 'inspect', polls: look + 1 });
        state = step(state, { type: 'time-up' }, when);
        expect(state.command).toEqual(inspecting);
        state = step(state, inspected({ holder, watched: false }), when);
      }
      expect(delays).toEqual([900, 1_800, 3_600, 7_200, 14_400, 14_400, 14_400]);
    },
  );

  it('starts counting its looks anew once there was a watch', () => {
    const state = inspect({ watched: false }, { polls: 5 });
    expect(state.polls).toBe(6);
    expect(step({ ...state, command: inspecting }, inspected(), when).polls).toBe(0);
  });
});

describe('while the holder is gone and its lock is still there, a candidate', () => {
  const look = (nowMs: number, state: State, changes = {}) =>
    step(state, inspected({ holder: 'absent', candidateCount: 100, ...changes }), {
      nowMs,
      random: 0.5,
    });
  const known = aState({ command: inspecting, lock: aLock() });

  it('gives the garbage collector its time, then looks, spread over the crowd', () => {
    const state = look(NOW, known);
    const untilMs = NOW + GARBAGE_COLLECTION_GRACE_MS + suppressionDelayMs(100, 0.5);
    expect(state.command).toEqual({ do: 'wait', untilMs });
    expect(state).toMatchObject({ obstacle: 'gone', next: 'inspect', leftSinceMs: NOW });
  });

  it('does not start counting anew with each look', () => {
    const first = { ...look(NOW, known), command: inspecting };
    const second = look(NOW + 1_999, first);
    expect(second.command).toMatchObject({ do: 'wait' });
    expect(second.leftSinceMs).toBe(NOW);
    const third = look(NOW + 2_000, { ...second, command: inspecting });
    expect(third.command).toEqual({ do: 'reclaim', lock: aLock() });
  });

  it.each([
    ['another lock', { lock: aLock({ uid: 'lock-2' }) }],
    ['another owner', { lock: aLock({ owner: { name: 'app-2', uid: 'uid-of-app-2' } }) }],
  ])('starts counting anew for %s', (_, changes) => {
    const first = { ...look(NOW, known), command: inspecting };
    const second = look(NOW + 5_000, first, changes);
    expect(second.command).toMatchObject({ do: 'wait' });
    expect(second.leftSinceMs).toBe(NOW + 5_000);
  });

  it('starts counting anew if it knew of no lock', () => {
    const stale = aState({ command: inspecting, leftSinceMs: 0 });
    expect(look(NOW, stale).leftSinceMs).toBe(NOW);
  });

  it('counts on for a newer version of the same lock', () => {
    const first = { ...look(NOW, known), command: inspecting };
    const lock = aLock({ resourceVersion: '8', owner: RIVAL });
    expect(look(NOW + 5_000, first, { lock }).command).toEqual({ do: 'reclaim', lock });
  });

  it('counts on when the owner reference is stripped meanwhile: it is the same holder', () => {
    const first = { ...look(NOW, known), command: inspecting };
    const lock = lockWithout('owner');
    expect(look(NOW + 5_000, first, { lock }).command).toEqual({ do: 'reclaim', lock });
  });
});

describe('when told to take over from nodes that are not ready, a candidate', () => {
  const settings = { ...SETTINGS, takeOverFromNotReadyNodeAfterMs: 40_000 };
  const known = aState({ settings, command: inspecting, lock: aLock() });
  const look = (nowMs: number, state: State, changes = {}) =>
    step({ ...state, command: inspecting }, inspected({ node: 'not-ready', ...changes }), {
      nowMs,
      random: 0,
    });

  it('keeps looking, for the node may be ready in between', () => {
    const first = look(NOW, known);
    expect(first.command).toEqual({ do: 'wait', untilMs: NOW + 1_000 });
    expect(first).toMatchObject({
      obstacle: 'node-not-ready',
      next: 'inspect',
      polls: 1,
      notReadySinceMs: NOW,
    });
    const second = look(NOW + 1_000, first, { watched: false });
    expect(second.command).toEqual({ do: 'wait', untilMs: NOW + 3_000 });
    expect(second).toMatchObject({ polls: 2, notReadySinceMs: NOW });
  });

  it('looks no later than when the time is over', () => {
    const state = look(NOW + 39_500, { ...known, notReadySinceMs: NOW });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 40_000 });
  });

  it.each([
    { holder: aPod() },
    { holder: aPod({ deleting: true }) },
    { holder: aPod({ phase: 'Failed' }) },
  ])('deletes the Pod once the time is over: $holder', ({ holder }) => {
    const state = look(NOW + 40_000, { ...known, notReadySinceMs: NOW }, { holder });
    expect(state.command).toEqual({ do: 'evict', pod: holder });
    expect(state.notReadySinceMs).toBe(NOW);
  });

  it('does not delete it a moment sooner', () => {
    const state = look(NOW + 39_999.9, { ...known, notReadySinceMs: NOW });
    expect(state.command).toMatchObject({ do: 'wait' });
  });

  it.each([
    { what: 'the node is ready', changes: { node: 'ready' }, obstacle: 'alive' },
    { what: 'the node is gone', changes: { node: 'absent' }, obstacle: 'alive' },
    { what: 'nobody said what the node does', changes: { node: undefined }, obstacle: 'alive' },
    { what: 'the Pod cannot be read', changes: { holder: 'unreadable' }, obstacle: 'unknown' },
  ])('only waits if $what', ({ changes, obstacle }) => {
    const state = look(NOW + 99_999, { ...known, notReadySinceMs: NOW }, changes);
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 99_999 + WATCHED_POLL_MS });
    expect(state.obstacle).toBe(obstacle);
  });

  it.each([
    { what: 'the node was ready in between', changes: { node: 'ready' } },
    { what: 'another lock was seen in between', changes: { lock: aLock({ uid: 'lock-2' }) } },
  ])('starts counting anew if $what', ({ changes }) => {
    const between = look(NOW + 30_000, { ...known, notReadySinceMs: NOW }, changes);
    const state = look(NOW + 60_000, between, changes.lock ? changes : {});
    expect(state.command).toMatchObject({ do: 'wait' });
    expect(state.notReadySinceMs).toBe(changes.lock ? NOW + 30_000 : NOW + 60_000);
  });

  it('still reclaims where nothing has to be risked', () => {
    const holder = anEndedPod();
    expect(look(NOW, known, { holder }).command).toMatchObject({ do: 'reclaim' });
    const gone = look(NOW, known, { holder: 'absent' });
    expect(gone).toMatchObject({ obstacle: 'gone' });
  });

  it('never does so untold', () => {
    const untold = { ...known, settings: SETTINGS, notReadySinceMs: 0 };
    expect(look(NOW + 2 ** 31, untold).command).toMatchObject({ do: 'wait' });
  });
});

describe('having deleted', () => {
  const reclaiming = aState({
    command: { do: 'reclaim', lock: aLock() },
    lock: aLock(),
    obstacle: 'gone',
    misses: 2,
    leftSinceMs: NOW,
    notReadySinceMs: NOW,
  });

  it('the lock itself, a candidate creates it at once', () => {
    const state = step(reclaiming, { type: 'reclaimed', mine: true }, when);
    expect(state.command).toEqual(attempting);
    expect(state).toMatchObject({ obstacle: 'none', misses: 0 });
    expect(state.lock).toBeUndefined();
    expect(state.leftSinceMs).toBeUndefined();
    expect(state.notReadySinceMs).toBeUndefined();
  });

  it('no lock, for somebody else was faster, it looks who', () => {
    const state = step(reclaiming, { type: 'reclaimed', mine: false }, when);
    expect(state).toEqual({ ...reclaiming, command: inspecting });
  });

  it("the holder's Pod, it looks what became of it", () => {
    const evicting = aState({ command: { do: 'evict', pod: aPod() }, lock: aLock() });
    const state = step(evicting, { type: 'evicted' }, when);
    expect(state).toEqual({ ...evicting, command: inspecting });
  });
});

describe('a candidate that waits', () => {
  it('looks when its time has come', () => {
    const state = step(waiting(), { type: 'time-up' }, when);
    expect(state).toEqual({ ...waiting(), command: inspecting });
  });

  it('creates the lock soon after it is gone, spread over the crowd', () => {
    const before = waiting({ leftSinceMs: 1, notReadySinceMs: 1, misses: 2 });
    const state = step(before, { type: 'lock-gone', lock: aLock() }, when);
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + suppressionDelayMs(100, 0.5) });
    expect(state).toMatchObject({
      next: 'attempt',
      obstacle: 'none',
      misses: 0,
      candidateCount: 100,
    });
    expect(state.lock).toBeUndefined();
    expect(state.leftSinceMs).toBeUndefined();
    expect(state.notReadySinceMs).toBeUndefined();
  });

  it('cuts a look short when the lock is gone meanwhile', () => {
    const state = step(
      waiting({ command: inspecting }),
      { type: 'lock-gone', lock: aLock() },
      when,
    );
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + suppressionDelayMs(100, 0.5) });
    expect(state.next).toBe('attempt');
  });

  it.each([
    { name: 'another lock', state: waiting() },
    { name: 'another lock, while it looks', state: waiting({ command: inspecting }) },
    { name: 'a lock, when it knows of none', state: aState({ command: inspecting }) },
  ])('goes on as before when $name is gone, and notes its holder', ({ state }) => {
    const holder = { name: 'app-2', uid: 'uid-of-app-2' };
    const lock = aLock({ uid: 'lock-0', owner: holder, mark: holder });
    const after = step(state, { type: 'lock-gone', lock }, when);
    expect(after).toEqual({ ...state, predecessors: [holder] });
  });

  it.each([
    { type: 'node-changed' },
    { type: 'watch-opened', of: 'lock' },
    { type: 'watch-opened', of: 'holder' },
  ] as const)('looks in its turn after %j', (hint) => {
    const state = step(waiting(), hint, when);
    expect(state).toEqual(waiting({}, NOW + staggerMs(100, 0.5)));
  });

  it('looks after a first backoff when a watch is lost', () => {
    const state = step(waiting(), { type: 'watch-lost', of: 'node' }, when);
    expect(state).toEqual(waiting({}, NOW + backoffMs(0, 16_000, 0.5)));
  });

  it('does not put off a look that is planned sooner', () => {
    const soon = waiting({}, NOW + 1);
    expect(step(soon, { type: 'node-changed' }, when)).toEqual(soon);
    expect(step(soon, { type: 'watch-lost', of: 'lock' }, when)).toEqual(soon);
    const seen = step(soon, { type: 'pod-seen', pod: aReading('absent') }, when);
    expect(seen.command).toEqual(soon.command);
  });

  it.each([
    { type: 'node-changed' },
    { type: 'watch-opened', of: 'lock' },
    { type: 'watch-lost', of: 'lock' },
    { type: 'pod-seen', pod: aReading('absent') },
  ] as const)('does not let %j come between it and a lock that is free', (hint) => {
    const about = waiting({ next: 'attempt', lock: undefined, holder: undefined }, NOW + 5_000);
    expect(step(about, hint, when)).toEqual(about);
    const stale = waiting({ next: 'attempt' }, NOW + 5_000);
    expect(step(stale, hint, when)).toEqual(stale);
  });
});

describe('a candidate that waits and sees the lock', () => {
  const see = (state: State, lock = aLock()) => step(state, { type: 'lock-seen', lock }, when);
  const settled = NOW + staggerMs(100, 0.5);

  it('goes on waiting if nothing that matters has changed', () => {
    expect(see(waiting())).toEqual(waiting());
    const newer = aLock({ resourceVersion: '8', attempt: 'attempt-2' });
    expect(see(waiting(), newer)).toEqual(waiting());
    const foreign = lockWithout('owner', 'mark');
    const known = waiting({ lock: foreign });
    expect(see(known, { ...foreign, resourceVersion: '8' })).toBe(known);
  });

  it.each([
    ['another lock', aLock({ uid: 'lock-2' })],
    ['another owner', aLock({ owner: ME })],
    ['no holder any more', lockWithout('owner', 'mark')],
  ])('stands down, and looks in its turn, if there is %s', (_, lock) => {
    const before = waiting({ leftSinceMs: 1, notReadySinceMs: 1, misses: 2 });
    const state = see(before, lock);
    expect(state.command).toEqual({ do: 'wait', untilMs: settled });
    expect(state).toMatchObject({ next: 'inspect', obstacle: 'none', misses: 0 });
    expect(state.lock).toBeUndefined();
    expect(state.holder).toBeUndefined();
    expect(state.leftSinceMs).toBeUndefined();
    expect(state.notReadySinceMs).toBeUndefined();
  });

  it('stands down if it was about to create it', () => {
    const about = waiting({ next: 'attempt', lock: undefined, obstacle: 'none' }, NOW + 3);
    const state = see(about);
    expect(state.command).toEqual({ do: 'wait', untilMs: settled });
    expect(state).toMatchObject({ lock: undefined, next: 'inspect' });
  });

  it('looks who took it before it tries again, even if the former lock, or that one, goes next', () => {
    const another = aLock({ uid: 'lock-2', owner: { name: 'app-2', uid: 'uid-of-app-2' } });
    let state = see(waiting(), another);
    for (const lock of [aLock(), another]) {
      state = step(state, { type: 'lock-gone', lock }, when);
      expect(state).toMatchObject({ command: { do: 'wait' }, next: 'inspect' });
    }
    expect(step(state, { type: 'time-up' }, when).command).toEqual(inspecting);
  });

  it.each([{ deleting: true }, { released: true }])(
    'looks in its turn, unhurried, if it has become %j, and forgets nothing',
    (changes) => {
      const before = waiting({ leftSinceMs: 1 });
      const changed = aLock(changes);
      const state = see(before, changed);
      const command = { do: 'wait', untilMs: settled + UNHURRIED_MS };
      expect(state).toEqual({ ...before, lock: changed, command });
      expect(see(state, changed)).toBe(state);
      // An event that was overtaken.
      expect(see(state, aLock())).toBe(state);
    },
  );
});

describe('a candidate that waits and sees a Pod', () => {
  const see = (found: PodReading['found'], of: PodIdentity = RIVAL, state = waiting()) =>
    step(state, { type: 'pod-seen', pod: { of, found } }, when);
  const hurried = NOW + suppressionDelayMs(100, 0.5);
  const unhurried = NOW + UNHURRIED_MS + staggerMs(100, 0.5);
  const successor = aPod({ uid: 'successor' });

  it.each([anEndedPod(), anEndedPod({ phase: 'Succeeded' })])(
    'looks as soon as the crowd allows once the holder has ended: %j',
    (found) => {
      expect(see(found)).toEqual(waiting({}, hurried));
    },
  );

  it.each([
    'absent',
    aPod({ deleting: true }),
    aPod({ phase: 'Failed' }),
    'unreadable',
    successor,
  ] as const)('looks in its turn, unhurried, once the holder is %j', (found) => {
    expect(see(found)).toEqual(waiting({}, unhurried));
  });

  it.each([successor, anEndedPod({ uid: 'successor' }), 'absent'] as const)(
    'looks in its turn, unhurried, if it is another that has the name of the holder: %j',
    (found) => {
      expect(see(found, successor)).toEqual(waiting({}, unhurried));
    },
  );

  it.each([
    { found: aPod(), known: aPod() },
    { found: aPod({ phase: 'Pending', nodeName: 'n2' }), known: aPod() },
    { found: successor, known: 'absent' },
  ] as const)('goes on waiting if that says nothing new: $found', ({ found, known }) => {
    const before = waiting({ holder: aReading(known) });
    expect(see(found, RIVAL, before)).toBe(before);
  });

  it('does not care while nobody holds the lock', () => {
    for (const lock of [lockWithout('owner', 'mark'), undefined]) {
      const before = waiting({ lock, holder: undefined });
      expect(see('absent', RIVAL, before)).toBe(before);
    }
  });

  it.each([
    ['absent', hurried],
    [aPod({ uid: 'successor' }), hurried],
    [anEndedPod({ deleting: true }), hurried],
    [aPod({ deleting: true, phase: 'Failed' }), unhurried],
    ['unreadable', unhurried],
  ] as const)(
    'that it waits for with its own lock, it looks as fast as it is needed: %j',
    (found, by) => {
      const holder = aReading(aPod({ deleting: true }));
      const held = { lock: mine, holder, predecessors: [RIVAL] };
      expect(see(found, RIVAL, waiting(held))).toEqual(waiting(held, by));
    },
  );
});
