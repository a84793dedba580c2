import { describe, expect, it } from 'vitest';

import { backoffMs, settleMs, spreadMs } from '../../lib/protocol/delay.ts';
import {
  type Command,
  type Event,
  type Failure,
  type State,
  GARBAGE_COLLECTION_GRACE_MS,
  UNHURRIED_MS,
  WATCHED_POLL_MS,
  awaited,
  start,
  step,
} from '../../lib/protocol/for-life.ts';
import type { PodReading } from '../../lib/protocol/model.ts';
import { aLock, aPod, aState, lockWithout, ME, RIVAL, SETTINGS } from './fixtures.ts';

const NOW = 50_000;
const when = { nowMs: NOW, random: 0.5 };

const inspecting: Command = { do: 'inspect' };
const attempting: Command = { do: 'attempt', podUid: ME.uid, verify: true };

const mine = aLock({ owner: ME, mark: ME });
const myPod = aPod({ ...ME });

/** The rival's lock as read, with its Pod running and all watches open, unless told otherwise. */
function inspected(changes: Partial<Event & { type: 'inspected' }> = {}): Event {
  const usual = { lock: aLock(), holder: aPod(), watched: true, crowd: 1 };
  return { type: 'inspected', ...usual, ...changes };
}

/** Waiting for the rival, whose Pod runs, with a look planned at a given time. */
function waiting(changes: Partial<State> = {}, untilMs = NOW + 60_000): State {
  return aState({
    command: { do: 'wait', untilMs },
    lock: aLock(),
    holder: aPod(),
    obstacle: 'alive',
    next: 'inspect',
    crowd: 100,
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
      holder: 'unreadable',
      predecessors: [],
      backgroundUid: undefined,
      obstacle: 'none',
      next: 'attempt',
      crowd: 1,
      polls: 0,
      misses: 0,
      goneSinceMs: undefined,
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
    { type: 'attempted', outcome: 'exists', self: 'unreadable', predecessors: [] },
    inspected(),
    { type: 'reclaimed', mine: true },
    { type: 'evicted' },
    { type: 'time-up' },
    { type: 'lock-seen', lock: aLock() },
    { type: 'lock-gone', uid: 'lock-1' },
    { type: 'holder-seen', pod: 'absent' },
    { type: 'node-changed' },
    { type: 'watch-opened', of: 'lock' },
    { type: 'watch-lost', of: 'lock' },
  ];
  const hints = events.slice(6).map(({ type }) => type);
  const failure: Failure = { because: 'pod-not-found' };
  const commands: [Command, Event['type'][]][] = [
    [{ do: 'identify' }, ['identified']],
    [attempting, ['attempted']],
    [inspecting, ['inspected', 'lock-gone', 'holder-seen']],
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
    const nobody = aState({ podUid: undefined, command: { do: 'reclaim', lock: aLock() } });
    expect(() => step(nobody, { type: 'reclaimed', mine: true }, when)).toThrow(
      new Error('illegal state: an attempt without a Pod UID'),
    );
  });

  it('change no state that was handed in', () => {
    const before = structuredClone(waiting());
    const state = Object.freeze(waiting());
    step(state, { type: 'lock-gone', uid: 'lock-1' }, when);
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
      self: { ...myPod, phase: 'Succeeded', running: false },
      failure: { because: 'pod-terminating' },
    },
  ] as const)('fails with $failure.because when it is $self', ({ self, failure }) => {
    const state = identify({ type: 'identified', self });
    expect(state.command).toEqual({ do: 'fail', failure });
  });
});

describe('having tried to create the lock, a candidate', () => {
  const attempted = (outcome: (Event & { type: 'attempted' })['outcome'], self: PodReading) =>
    step(
      aState({ command: attempting }),
      { type: 'attempted', outcome, self, predecessors: [] },
      when,
    );
  const mismatch = {
    because: 'pod-uid-mismatch',
    expected: ME.uid,
    actual: 'another',
  } as const;
  const unfit: [string, PodReading, Failure][] = [
    ['is not there', 'absent', { because: 'pod-not-found' }],
    ['has another UID', { ...myPod, uid: 'another' }, mismatch],
    ['has another UID and is deleted', { ...myPod, uid: 'another', deleting: true }, mismatch],
    ['is being deleted', { ...myPod, deleting: true }, { because: 'pod-terminating' }],
    ['has failed', { ...myPod, phase: 'Failed' }, { because: 'pod-terminating' }],
  ];

  it.each([myPod, { ...myPod, phase: 'Pending', running: false }, 'unreadable'] as const)(
    'leads if it was created and its Pod is %j',
    (self) => {
      expect(attempted(mine, self).command).toEqual({ do: 'lead', lock: mine });
    },
  );

  it.each(unfit)('takes it back if its Pod %s', (_, self, failure) => {
    expect(attempted(mine, self).command).toEqual({ do: 'withdraw', lock: mine, failure });
  });

  it.each(unfit)('fails if somebody else has it and its own Pod %s', (_, self, failure) => {
    expect(attempted('exists', self).command).toEqual({ do: 'fail', failure });
    expect(attempted('quota', self).command).toEqual({ do: 'fail', failure });
  });

  it.each([myPod, 'unreadable'] as const)('looks who has it if it exists (Pod: %j)', (self) => {
    const state = attempted('exists', self);
    expect(state.command).toEqual(inspecting);
    expect(state.obstacle).toBe('none');
  });

  it('looks again if the quota is used up, and remembers why', () => {
    const state = attempted('quota', myPod);
    expect(state.command).toEqual(inspecting);
    expect(state.obstacle).toBe('quota');
  });

  it('forgets the quota when the lock exists after all', () => {
    const before = aState({ command: attempting, obstacle: 'quota' });
    const event = {
      type: 'attempted',
      outcome: 'exists',
      self: myPod,
      predecessors: [],
    } as const;
    expect(step(before, event, when).obstacle).toBe('none');
  });
});

describe('having found the lock free, a candidate', () => {
  const find = (state: Partial<State>, crowd = 100) =>
    step(aState({ command: inspecting, ...state }), inspected({ lock: undefined, crowd }), when);

  it('creates it soon, spread over the crowd', () => {
    const state = find({ misses: 0 });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + spreadMs(100, 0.5) });
    expect(state).toMatchObject({ next: 'attempt', obstacle: 'none', misses: 1, crowd: 100 });
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
  const inspect = (changes: Partial<Event & { type: 'inspected' }>, state: Partial<State> = {}) =>
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
    const lock = aLock({ owner: { name: ME.name, uid: 'former' } });
    const state = inspect({ lock, holder: myPod });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + GARBAGE_COLLECTION_GRACE_MS });
    expect(state.obstacle).toBe('gone');
  });

  it.each([mine, aLock()])('waits while finalizers keep a deleted lock', (lock) => {
    const state = inspect({ lock: { ...lock, deleting: true } });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 0.9 * WATCHED_POLL_MS });
    expect(state).toMatchObject({ next: 'inspect', obstacle: 'lock-deleting' });
  });

  it.each(['Failed', 'Succeeded'])('deletes it if its holder has %s for good', (phase) => {
    const state = inspect({ holder: aPod({ phase, running: false }) });
    expect(state.command).toEqual({ do: 'reclaim', lock: aLock() });
  });

  it.each([
    { holder: aPod(), obstacle: 'alive' },
    { holder: aPod({ deleting: true }), obstacle: 'terminating' },
    { holder: aPod({ phase: 'Failed' }), obstacle: 'finishing' },
    { holder: 'unreadable', obstacle: 'unknown' },
  ] as const)('waits while its holder is $obstacle', ({ holder, obstacle }) => {
    const state = inspect({ holder, crowd: 7 }, { polls: 4, misses: 3 });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 0.9 * WATCHED_POLL_MS });
    expect(state).toMatchObject({
      lock: aLock(),
      holder,
      obstacle,
      next: 'inspect',
      crowd: 7,
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
    step(state, inspected({ holder: 'absent', crowd: 100, ...changes }), { nowMs, random: 0.5 });
  const known = aState({ command: inspecting, lock: aLock() });

  it('gives the garbage collector its time, then looks, spread over the crowd', () => {
    const state = look(NOW, known);
    const untilMs = NOW + GARBAGE_COLLECTION_GRACE_MS + spreadMs(100, 0.5);
    expect(state.command).toEqual({ do: 'wait', untilMs });
    expect(state).toMatchObject({ obstacle: 'gone', next: 'inspect', goneSinceMs: NOW });
  });

  it('does not start counting anew with each look', () => {
    const first = { ...look(NOW, known), command: inspecting };
    const second = look(NOW + 1_999, first);
    expect(second.command).toMatchObject({ do: 'wait' });
    expect(second.goneSinceMs).toBe(NOW);
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
    expect(second.goneSinceMs).toBe(NOW + 5_000);
  });

  it('starts counting anew if it knew of no lock', () => {
    const stale = aState({ command: inspecting, goneSinceMs: 0 });
    expect(look(NOW, stale).goneSinceMs).toBe(NOW);
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

describe('when the lock goes and its holder may be on its way out (foreground deletion), a candidate', () => {
  const leaving = aPod({ deleting: true });
  const elder = { name: 'app-2', uid: 'uid-of-app-2' };
  const eldest = { name: 'app-3', uid: 'uid-of-app-3' };
  const lookedAt = (state: State, changes: Partial<Event & { type: 'inspected' }> = {}) =>
    step({ ...state, command: inspecting }, inspected({ crowd: 100, ...changes }), when);
  const gone = { type: 'lock-gone', uid: 'lock-1' } as const;
  /** Somebody holds the lock, and then it is gone; what a watch and what a look make of it. */
  const bereft = (changes: Partial<State>, holder: PodReading = 'unreadable') => [
    step(waiting(changes), gone, when),
    step(waiting({ ...changes, command: inspecting }), gone, when),
    lookedAt(waiting(changes), { lock: undefined, holder }),
  ];

  it.each([
    ['runs', { holder: aPod() }],
    ['has not been read', { holder: 'unreadable' }],
    ['is being deleted, perhaps so', { holder: leaving }],
    ['is, when another was not', { holder: leaving, backgroundUid: 'former' }],
    ['has ended but for a container', { holder: aPod({ phase: 'Failed' }) }],
  ] as const)('creates it, and remembers whom to look after: one that %s', (_, changes) => {
    for (const state of bereft(changes)) {
      expect(state).toMatchObject({ next: 'attempt', predecessors: [RIVAL] });
      expect(state.lock).toBeUndefined();
      const attempt = step(state, { type: 'time-up' }, when);
      expect(attempt.command).toEqual(attempting);
      expect(attempt.predecessors).toEqual([RIVAL]);
    }
  });

  it.each([
    ['is gone', { holder: 'absent' }],
    ['is another', { holder: aPod({ uid: 'successor' }) }],
    ['has ended', { holder: aPod({ phase: 'Failed', running: false }) }],
    ['was seen to be deleted in the background', { holder: leaving, backgroundUid: RIVAL.uid }],
    ['is nobody', { lock: lockWithout('owner', 'mark') }],
    ['is its own Pod', { lock: mine, holder: 'unreadable' }],
  ] as const)('has nobody to look after if the holder %s', (_, changes) => {
    for (const state of bereft(changes)) {
      expect(state).toMatchObject({ next: 'attempt', predecessors: [] });
    }
  });

  it('believes a look that finds the holder gone, but not that it was in the background', () => {
    const after = (holder: PodReading) => lookedAt(waiting(), { lock: undefined, holder });
    expect(after('absent').predecessors).toEqual([]);
    expect(after(aPod({ phase: 'Failed', running: false })).predecessors).toEqual([]);
    expect(after(aPod({ deleting: true })).predecessors).toEqual([RIVAL]);
  });

  it.each(['inspect', 'wait'] as const)('notes at %s that it was in the background', (at) => {
    const state = at === 'wait' ? waiting() : waiting({ command: inspecting });
    const pod = aPod({ deleting: true, background: true });
    const seen = step(state, { type: 'holder-seen', pod }, when);
    expect(seen.backgroundUid).toBe(RIVAL.uid);
    const later = lookedAt(seen, { holder: leaving });
    expect(step(later, gone, when).predecessors).toEqual([]);
  });

  it('notes it also of a Pod that it knows to be terminating', () => {
    const pod = aPod({ deleting: true, background: true });
    const seen = step(waiting({ holder: leaving }), { type: 'holder-seen', pod }, when);
    expect(step(seen, gone, when).predecessors).toEqual([]);
  });

  it('does not conclude so from a look, nor from a watch that did not see it begin', () => {
    expect(step(lookedAt(waiting(), { holder: leaving }), gone, when).predecessors).toEqual([
      RIVAL,
    ]);
    const seen = step(waiting(), { type: 'holder-seen', pod: leaving }, when);
    expect(step(seen, gone, when).predecessors).toEqual([RIVAL]);
  });

  it('knows nothing of the holder of a lock that it has only just seen', () => {
    const lock = aLock({ uid: 'lock-2', owner: elder });
    const seen = step(waiting({ holder: 'absent' }), { type: 'lock-seen', lock }, when);
    const free = step(seen, { type: 'lock-gone', uid: 'lock-2' }, when);
    expect(free.predecessors).toEqual([elder]);
  });

  it('looks after those, too, whom the holder may have been waiting for', () => {
    const lock = aLock({ predecessors: [elder, eldest] });
    expect(step(waiting({ lock }), gone, when).predecessors).toEqual([RIVAL, elder]);
    const over = waiting({ lock, holder: 'absent' });
    expect(step(over, gone, when).predecessors).toEqual([elder, eldest]);
  });

  it('turns to another lock if there is one', () => {
    const lock = aLock({ uid: 'lock-2', owner: elder, predecessors: [RIVAL] });
    const free = step(waiting(), gone, when);
    const looked = lookedAt(free, { lock, holder: aPod({ ...elder }) });
    expect(looked).toMatchObject({ obstacle: 'alive', lock, predecessors: [] });
    const seen = step(free, { type: 'lock-seen', lock }, when);
    expect(seen).toMatchObject({ lock, next: 'inspect', obstacle: 'none', predecessors: [] });
  });

  describe('having created it', () => {
    const attempted = (predecessors: PodReading[], state: Partial<State> = {}) =>
      step(
        aState({ command: attempting, predecessors: [RIVAL], crowd: 100, ...state }),
        { type: 'attempted', outcome: mine, self: myPod, predecessors },
        when,
      );
    const holding = attempted([leaving]);

    it.each([
      aPod(),
      aPod({ phase: 'Failed' }),
      aPod({ uid: 'successor', deleting: true }),
      aPod({ deleting: true, phase: 'Succeeded', running: false }),
      'absent',
      'unreadable',
    ] as const)('leads if the last holder has let it go, or is over: %j', (reading) => {
      expect(attempted([reading]).command).toEqual({ do: 'lead', lock: mine });
    });

    it.each([leaving, aPod({ deleting: true, phase: 'Failed' })])(
      'holds it, and does not lead, while the last holder is on its way out: %j',
      (reading) => {
        const state = attempted([reading]);
        expect(state).toMatchObject({ command: inspecting, lock: mine, predecessors: [RIVAL] });
        expect(awaited(state)).toEqual(RIVAL);
        const looked = lookedAt(state, { lock: mine, holder: reading });
        expect(looked.command).toEqual({ do: 'wait', untilMs: NOW + 0.9 * WATCHED_POLL_MS });
        expect(looked).toMatchObject({ obstacle: 'terminating', next: 'inspect', lock: mine });
        expect(awaited(looked)).toEqual(RIVAL);
      },
    );

    it('takes it back if it must not lead itself', () => {
      const self = { ...myPod, deleting: true };
      const event = { type: 'attempted', outcome: mine, self, predecessors: [leaving] } as const;
      const state = step(aState({ command: attempting, predecessors: [RIVAL] }), event, when);
      const failure = { because: 'pod-terminating' };
      expect(state.command).toEqual({ do: 'withdraw', lock: mine, failure });
    });

    it('looks again and again where it cannot watch', () => {
      const state = lookedAt(holding, { lock: mine, holder: leaving, watched: false });
      expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 900 });
      expect(state.polls).toBe(1);
    });

    it.each([
      'absent',
      'unreadable',
      aPod({ uid: 'successor' }),
      aPod({ deleting: true, phase: 'Failed', running: false }),
    ] as const)('leads once the last holder does not run any more: %j', (holder) => {
      const state = lookedAt(holding, { lock: mine, holder: leaving });
      const labelled = { ...mine, resourceVersion: '9' };
      const looked = lookedAt(state, { lock: labelled, holder });
      expect(looked.command).toEqual({ do: 'lead', lock: labelled });
    });

    it.each([
      ['absent', 'gone'],
      [aPod({ uid: 'successor' }), 'gone'],
      [aPod({ deleting: true, phase: 'Succeeded', running: false }), 'finished'],
    ] as const)('looks as soon as the crowd allows once a watch shows %j', (pod, obstacle) => {
      const waits = lookedAt(holding, { lock: mine, holder: leaving });
      const state = step(waits, { type: 'holder-seen', pod }, when);
      expect(state.command).toEqual({ do: 'wait', untilMs: NOW + spreadMs(100, 0.5) });
      expect(state).toMatchObject({ obstacle, next: 'inspect', predecessors: [RIVAL] });
    });

    it.each([
      [aPod({ deleting: true, phase: 'Failed' }), 'finishing'],
      ['unreadable', 'unknown'],
    ] as const)('is in no hurry for %j', (pod, obstacle) => {
      const waits = lookedAt(holding, { lock: mine, holder: leaving });
      const state = step(waits, { type: 'holder-seen', pod }, when);
      const untilMs = NOW + UNHURRIED_MS + settleMs(100, 0.5);
      expect(state.command).toEqual({ do: 'wait', untilMs });
      expect(state).toMatchObject({ obstacle, next: 'inspect', predecessors: [RIVAL] });
    });

    it('waits for one after the other', () => {
      const two = { predecessors: [RIVAL, elder] };
      const state = attempted([aPod(), aPod({ ...elder, deleting: true })], two);
      expect(state).toMatchObject({ command: inspecting, predecessors: [elder] });
      const both = attempted([leaving, aPod({ ...elder, deleting: true })], two);
      expect(both.predecessors).toEqual([RIVAL, elder]);
      const next = lookedAt(both, { lock: mine, holder: 'absent' });
      expect(next).toMatchObject({ command: inspecting, predecessors: [elder] });
      const waits = lookedAt(next, { lock: mine, holder: aPod({ ...elder, deleting: true }) });
      expect(waits).toMatchObject({ command: { do: 'wait' }, obstacle: 'terminating' });
      expect(lookedAt(waits, { lock: mine, holder: 'absent' }).command.do).toBe('lead');
    });

    it('waits for it on when its own lock is deleted', () => {
      const waits = lookedAt(holding, { lock: mine, holder: leaving });
      const again = step(waits, { type: 'lock-gone', uid: mine.uid }, when);
      expect(again).toMatchObject({ next: 'attempt', predecessors: [RIVAL] });
      const found = lookedAt(waits, { lock: undefined, holder: leaving });
      expect(found).toMatchObject({ next: 'attempt', predecessors: [RIVAL] });
    });

    it('waits for it on when a watch tells of it before the call that created it knows', () => {
      const lock = { ...mine, predecessors: [RIVAL] };
      const seen = step(waiting(), { type: 'lock-seen', lock }, when);
      expect(awaited(seen)).toEqual(RIVAL);
      const waits = lookedAt(seen, { lock, holder: leaving });
      expect(waits).toMatchObject({ command: { do: 'wait' }, obstacle: 'terminating' });
    });

    it('does not wait for itself', () => {
      const lock = aLock({ predecessors: [ME, elder] });
      expect(step(waiting({ lock }), gone, when).predecessors).toEqual([RIVAL, elder]);
    });

    it('waits for it on when it had been created before it was known to be, or by an earlier process', () => {
      const lock = { ...mine, predecessors: [RIVAL] };
      const fresh = aState({ command: inspecting });
      expect(awaited(fresh, lock)).toEqual(RIVAL);
      const waits = lookedAt(fresh, { lock, holder: leaving });
      expect(waits).toMatchObject({ command: { do: 'wait' }, obstacle: 'terminating' });
      expect(lookedAt(waits, { lock, holder: 'absent' }).command).toEqual({ do: 'lead', lock });
    });
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
    const holder = aPod({ phase: 'Failed', running: false });
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
    goneSinceMs: NOW,
    notReadySinceMs: NOW,
  });

  it('the lock itself, a candidate creates it at once', () => {
    const state = step(reclaiming, { type: 'reclaimed', mine: true }, when);
    expect(state.command).toEqual(attempting);
    expect(state).toMatchObject({ obstacle: 'none', misses: 0 });
    expect(state.lock).toBeUndefined();
    expect(state.goneSinceMs).toBeUndefined();
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
    const before = waiting({ goneSinceMs: 1, notReadySinceMs: 1, misses: 2 });
    const state = step(before, { type: 'lock-gone', uid: 'lock-1' }, when);
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + spreadMs(100, 0.5) });
    expect(state).toMatchObject({ next: 'attempt', obstacle: 'none', misses: 0, crowd: 100 });
    expect(state.lock).toBeUndefined();
    expect(state.goneSinceMs).toBeUndefined();
    expect(state.notReadySinceMs).toBeUndefined();
  });

  it('cuts a look short when the lock is gone meanwhile', () => {
    const state = step(
      waiting({ command: inspecting }),
      { type: 'lock-gone', uid: 'lock-1' },
      when,
    );
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + spreadMs(100, 0.5) });
    expect(state.next).toBe('attempt');
  });

  it.each([
    { name: 'another lock', state: waiting() },
    { name: 'another lock, while it looks', state: waiting({ command: inspecting }) },
    { name: 'a lock, when it knows of none', state: aState({ command: inspecting }) },
  ])('does not care that $name is gone', ({ state }) => {
    expect(step(state, { type: 'lock-gone', uid: 'lock-0' }, when)).toBe(state);
  });

  it.each([
    { type: 'node-changed' },
    { type: 'watch-opened', of: 'lock' },
    { type: 'watch-opened', of: 'holder' },
  ] as const)('looks in its turn after %j', (hint) => {
    const state = step(waiting(), hint, when);
    expect(state).toEqual(waiting({}, NOW + settleMs(100, 0.5)));
  });

  it('looks after a first backoff when a watch is lost', () => {
    const state = step(waiting(), { type: 'watch-lost', of: 'node' }, when);
    expect(state).toEqual(waiting({}, NOW + backoffMs(0, 16_000, 0.5)));
  });

  it('does not put off a look that is planned sooner', () => {
    const soon = waiting({}, NOW + 1);
    expect(step(soon, { type: 'node-changed' }, when)).toEqual(soon);
    expect(step(soon, { type: 'watch-lost', of: 'lock' }, when)).toEqual(soon);
    const seen = step(soon, { type: 'holder-seen', pod: 'absent' }, when);
    expect(seen.command).toEqual(soon.command);
  });

  it.each([
    { type: 'node-changed' },
    { type: 'watch-opened', of: 'lock' },
    { type: 'watch-lost', of: 'lock' },
    { type: 'holder-seen', pod: 'absent' },
  ] as const)('does not let %j come between it and a lock that is free', (hint) => {
    const about = waiting({ next: 'attempt', lock: undefined, holder: 'unreadable' }, NOW + 5_000);
    expect(step(about, hint, when)).toEqual(about);
    const stale = waiting({ next: 'attempt' }, NOW + 5_000);
    expect(step(stale, hint, when)).toEqual(stale);
  });
});

describe('a candidate that waits and sees the lock', () => {
  const see = (state: State, lock = aLock()) => step(state, { type: 'lock-seen', lock }, when);
  const settled = NOW + settleMs(100, 0.5);

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
    const before = waiting({ goneSinceMs: 1, notReadySinceMs: 1, misses: 2 });
    const state = see(before, lock);
    expect(state.command).toEqual({ do: 'wait', untilMs: settled });
    expect(state).toMatchObject({ lock, next: 'inspect', obstacle: 'none', misses: 0 });
    expect(state.goneSinceMs).toBeUndefined();
    expect(state.notReadySinceMs).toBeUndefined();
  });

  it('stands down if it was about to create it', () => {
    const about = waiting({ next: 'attempt', lock: undefined, obstacle: 'none' }, NOW + 3);
    const state = see(about);
    expect(state.command).toEqual({ do: 'wait', untilMs: settled });
    expect(state).toMatchObject({ lock: aLock(), next: 'inspect' });
  });

  it('looks in its turn if it is being deleted, and forgets nothing', () => {
    const before = waiting({ goneSinceMs: 1 });
    const deleting = aLock({ deleting: true });
    const state = see(before, deleting);
    expect(state).toEqual({
      ...before,
      lock: deleting,
      command: { do: 'wait', untilMs: settled },
    });
    expect(see(state, deleting)).toBe(state);
  });
});

describe("a candidate that waits and sees the holder's Pod", () => {
  const see = (pod: PodReading, state = waiting()) =>
    step(state, { type: 'holder-seen', pod }, when);

  it.each([
    { pod: aPod({ phase: 'Failed', running: false }), obstacle: 'finished' },
    { pod: aPod({ phase: 'Succeeded', running: false }), obstacle: 'finished' },
  ] as const)('looks as soon as the crowd allows once it is $obstacle', ({ pod, obstacle }) => {
    const state = see(pod);
    expect(state).toEqual(waiting({ holder: pod, obstacle }, NOW + spreadMs(100, 0.5)));
  });

  it.each([
    { pod: 'absent', obstacle: 'gone' },
    { pod: aPod({ uid: 'successor' }), obstacle: 'gone' },
    { pod: aPod({ deleting: true }), obstacle: 'terminating' },
    { pod: aPod({ phase: 'Failed' }), obstacle: 'finishing' },
    { pod: 'unreadable', obstacle: 'unknown' },
  ] as const)('looks in its turn, unhurried, once it is $obstacle', ({ pod, obstacle }) => {
    const untilMs = NOW + UNHURRIED_MS + settleMs(100, 0.5);
    expect(see(pod)).toEqual(waiting({ holder: pod, obstacle }, untilMs));
  });

  it.each([
    { pod: aPod(), known: aPod() },
    { pod: aPod({ phase: 'Pending', nodeName: 'n2' }), known: aPod() },
    { pod: aPod({ uid: 'successor' }), known: 'absent' },
  ] as const)('goes on waiting if that says nothing new: $pod', ({ pod, known }) => {
    const before = waiting({ holder: known });
    expect(see(pod, before)).toBe(before);
  });

  it('does not care while nobody holds the lock', () => {
    const before = waiting({ lock: lockWithout('owner', 'mark') });
    expect(see('absent', before)).toBe(before);
  });
});
