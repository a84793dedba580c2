import { describe, expect, it } from 'vitest';

import { suppressionDelayMs } from '../../../lib/protocol/delay.ts';
import { GARBAGE_COLLECTION_GRACE_MS, WATCHED_POLL_MS } from '../../../lib/protocol/life/look.ts';
import { type State, awaited, podsToRead, start } from '../../../lib/protocol/life/state.ts';
import {
  type Lock,
  MAX_PREDECESSORS,
  type PodIdentity,
  type PodReading,
} from '../../../lib/protocol/model.ts';
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
import * as events from './fixtures.ts';
import {
  NOW,
  after,
  attempted,
  attempting,
  inspecting,
  looked,
  reclaimed,
  timeUp,
  waiting,
} from './fixtures.ts';

const pod = (number: number): PodIdentity => ({
  name: `app-${number}`,
  uid: `uid-of-app-${number}`,
});
const [elder, eldest] = [pod(2), pod(3)];
const leaving = aPod({ deleting: true });
const mine = aLock({ uid: 'my-lock', owner: ME, mark: ME });
const rivals = aLock();

function lockOf(holder: PodIdentity, changes: Partial<Lock> = {}): Lock {
  return aLock({ uid: `lock-of-${holder.name}`, owner: holder, mark: holder, ...changes });
}

/** Of this Pod, which is being deleted and may run. */
function leavingReading(of: PodIdentity): PodReading {
  return { of, found: aPod({ ...of, deleting: true }) };
}

const gone = (state: State, lock: Lock = rivals) => after(state, events.gone(lock));
const seen = (state: State, lock: Lock) => after(state, events.seen(lock));

/** The create of my lock succeeded, and meanwhile these were read. */
const created = (state: State, predecessors: readonly PodReading[], lock = mine) =>
  after({ ...state, command: attempting }, attempted(lock, predecessors));

/** Every way to learn that the lock which is known has ended. */
const ends = {
  'a watch tells it': (state: State, lock: Lock) => gone(state, lock),
  'a watch tells it during a look': (state: State, lock: Lock) =>
    gone({ ...state, command: inspecting }, lock),
  'a look finds none': (state: State) => looked(state, { lock: undefined }),
  'it is reclaimed by this candidate': (state: State, lock: Lock) =>
    after({ ...state, command: { do: 'reclaim', lock } }, reclaimed),
} as const;

describe.each(Object.entries(ends))('LIFE-1: when a lock ends, and %s, a candidate', (_, end) => {
  const ended = (changes: Partial<State>) => end(waiting(changes), changes.lock ?? rivals);

  it.each<[string, Partial<State>]>([
    ['runs', { holder: aReading() }],
    ['was not read', { holder: undefined }],
    ['may not be read', { holder: aReading('unreadable') }],
    ['is being deleted', { holder: aReading(leaving) }],
    ['has ended but for a container', { holder: aReading(aPod({ phase: 'Failed' })) }],
    ['is not the Pod that was read, which is gone', { holder: aReading('absent', elder) }],
  ])('has its holder as a predecessor if that %s', (_name, changes) => {
    const state = ended(changes);
    expect(state.predecessors).toEqual([RIVAL]);
    expect(state.lock).toBeUndefined();
    expect(state.holder).toBeUndefined();
    if (state.command.do === 'wait') expect(state.next).toBe('attempt');
    else expect(state.command).toEqual(attempting);
  });

  it.each<[string, Partial<State>]>([
    ['has released it', { lock: aLock({ released: true }) }],
    [
      'has released it, and is being deleted',
      { lock: aLock({ released: true }), holder: aReading(leaving) },
    ],
    ['is gone', { holder: aReading('absent') }],
    ['was replaced by another of its name', { holder: aReading(aPod({ uid: 'successor' })) }],
    ['has ended', { holder: aReading(anEndedPod()) }],
    ['is nobody', { lock: lockWithout('owner', 'mark') }],
    ['is this very Pod', { lock: mine, holder: undefined }],
  ])('has no predecessor if its holder %s', (_name, changes) => {
    expect(ended(changes).predecessors).toEqual([]);
  });

  it('keeps those that it had before', () => {
    const lock = lockOf(elder);
    expect(ended({ lock, predecessors: [RIVAL] }).predecessors).toEqual([RIVAL, elder]);
    const released = lockOf(elder, { released: true });
    expect(ended({ lock: released, predecessors: [RIVAL] }).predecessors).toEqual([RIVAL]);
  });

  it('has its holder once, where it was before', () => {
    const lock = lockOf(elder);
    const state = ended({ lock, predecessors: [elder, RIVAL] });
    expect(state.predecessors).toEqual([elder, RIVAL]);
  });
});

describe('when a lock ends that it does not know, a candidate', () => {
  const lock = lockOf(elder, { predecessors: [eldest, ME] });

  it.each([
    ['no lock', aState({ command: { do: 'wait', untilMs: NOW }, next: 'attempt' })],
    [
      'no lock, and is about to look',
      aState({ command: { do: 'wait', untilMs: NOW }, next: 'inspect' }),
    ],
    ['another lock', waiting()],
  ])('that knows %s has its holder and its predecessors as predecessors', (_, state) => {
    const next = gone(state, lock);
    expect(next).toEqual({ ...state, predecessors: [eldest, elder] });
  });

  it.each([
    ['no lock', aState({ command: { do: 'wait', untilMs: NOW }, next: 'attempt' })],
    ['another lock', waiting()],
  ])('that knows %s has only its predecessors if it was released', (_, state) => {
    const next = gone(state, { ...lock, released: true });
    expect(next.predecessors).toEqual([eldest]);
  });

  it('keeps a holder that it had as a predecessor already, until it reads that Pod', () => {
    const released = { ...lock, released: true };
    const next = gone(waiting({ predecessors: [elder] }), released);
    expect(next.predecessors).toEqual([elder, eldest]);
    const found = aPod({ ...elder });
    expect(created(next, [aReading(found, elder)]).predecessors).toEqual([eldest]);
  });

  it('has the holder that it knew, too, if the lock had changed hands unseen', () => {
    const changed = aLock({ owner: elder, mark: elder });
    expect(gone(waiting(), changed).predecessors).toEqual([RIVAL, elder]);
  });
});

describe('a candidate that sees another lock', () => {
  it('has the former holder as a predecessor, and the other one only until it has looked', () => {
    const another = lockOf(elder, { predecessors: [eldest] });
    const state = seen(waiting(), another);
    expect(new Set(state.predecessors)).toEqual(new Set([RIVAL, eldest, elder]));
    const pods = [leavingReading(RIVAL), leavingReading(eldest), { of: elder, found: aPod(elder) }];
    const next = looked(state, { lock: another, pods });
    expect(next).toMatchObject({
      lock: another,
      predecessors: [RIVAL, eldest],
      obstacle: 'alive',
    });
  });

  it('forgets of them only those that it reads to be no predecessors any more', () => {
    const another = lockOf(elder, { predecessors: [eldest] });
    const pods = [leavingReading(RIVAL), aReading('absent', eldest), aReading(aPod(elder), elder)];
    expect(looked(waiting(), { lock: another, pods }).predecessors).toEqual([RIVAL]);
  });

  it('has no predecessor for a former lock that was released', () => {
    const state = seen(seen(waiting(), aLock({ released: true })), lockOf(elder));
    expect(state.predecessors).toEqual([elder]);
  });
});

describe('a candidate that looks', () => {
  it('inherits the predecessors that the lock notes', () => {
    const lock = aLock({ predecessors: [elder, eldest] });
    const pods = [aReading(), leavingReading(elder), leavingReading(eldest)];
    const state = looked(aState(), { lock, pods });
    expect(podsToRead(aState(), lock)).toEqual([RIVAL, elder, eldest]);
    expect(state.predecessors).toEqual([elder, eldest]);
  });

  it('does not take itself for a predecessor', () => {
    const lock = aLock({ predecessors: [ME, elder] });
    const state = looked(aState(), { lock, pods: [aReading(), leavingReading(elder)] });
    expect(state.predecessors).toEqual([elder]);
  });

  it('does not take the holder for a predecessor, before its lock has ended', () => {
    const before = aState({ predecessors: [RIVAL, elder] });
    const pods = [aReading(leaving), leavingReading(elder)];
    const state = looked(before, { pods });
    expect(state.predecessors).toEqual([elder]);
    expect(gone(state).predecessors).toEqual([elder, RIVAL]);
  });

  it('turns to another lock if there is one', () => {
    const lock = lockOf(elder, { predecessors: [RIVAL] });
    const pods = [aReading(aPod(elder), elder), aReading()];
    const state = looked(gone(waiting()), { lock, pods });
    expect(state).toMatchObject({ obstacle: 'alive', lock, predecessors: [] });
  });
});

describe('LIFE-1: no predecessor is forgotten', () => {
  it('by a candidate that reclaims the lock of a Pod that waited for one', () => {
    const lock = lockOf(elder, { predecessors: [RIVAL] });
    const pods = [aReading(anEndedPod(elder), elder), aReading(leaving)];
    const reclaims = looked(aState(), { lock, pods });
    expect(reclaims.command).toEqual({ do: 'reclaim', lock });
    const attempts = after(reclaims, reclaimed);
    expect(attempts).toMatchObject({ command: attempting, predecessors: [RIVAL] });
    const holds = created(attempts, [aReading(leaving)]);
    expect(holds).toMatchObject({ command: inspecting, predecessors: [RIVAL] });
  });

  it('by a candidate that reclaims the lock of a Pod that is gone', () => {
    const lock = lockOf(elder, { predecessors: [RIVAL] });
    const pods = [aReading('absent', elder), aReading(leaving)];
    const known = looked(aState(), { lock, pods });
    const reclaims = looked(known, { lock, pods }, NOW + GARBAGE_COLLECTION_GRACE_MS);
    expect(reclaims.command).toEqual({ do: 'reclaim', lock });
    expect(after(reclaims, reclaimed).predecessors).toEqual([RIVAL]);
  });

  const first = rivals;
  const second = lockOf(elder, { predecessors: [RIVAL] });
  const third = lockOf(eldest, { predecessors: [RIVAL, elder] });
  const all = [RIVAL, elder, eldest];

  it.each<[string, (state: State) => State]>([
    [
      'heard everything',
      (state) => {
        for (const lock of [second, third]) {
          state = seen(gone(state, lock === second ? first : second), lock);
        }
        return gone(state, third);
      },
    ],
    ['heard only of the last one', (state) => gone(gone(state), third)],
    [
      'heard of the last one before it heard the end of the first',
      (state) => gone(gone(state, third), first),
    ],
    [
      'saw the last one in a look, and then none',
      (state) => {
        const pods = all.map(leavingReading);
        return looked(looked(state, { lock: third, pods }), { lock: undefined });
      },
    ],
  ])('after three deletions in the foreground in a row, by one that %s', (_, hear) => {
    const state = hear(waiting());
    expect(new Set(state.predecessors)).toEqual(new Set(all));
    const holds = created(state, all.map(leavingReading));
    expect(holds.command).toEqual(inspecting);
    expect(new Set(holds.predecessors)).toEqual(new Set(all));
  });

  it('by a candidate whose own lock is deleted while it waits for them', () => {
    const holds = created(aState({ predecessors: [RIVAL] }), [aReading(leaving)]);
    const waits = looked(holds, { lock: mine, pods: [aReading(leaving)] });
    expect(gone(waits, mine)).toMatchObject({ next: 'attempt', predecessors: [RIVAL] });
    const found = looked(waits, { lock: undefined });
    expect(found).toMatchObject({ next: 'attempt', predecessors: [RIVAL] });
  });

  it('where reads are missing', () => {
    const holds = created(aState({ predecessors: [RIVAL, elder] }), [leavingReading(elder)]);
    expect(holds).toMatchObject({ command: inspecting, predecessors: [RIVAL, elder] });
  });
});

describe('an attempt that met with a lock', () => {
  const exists = (state: State) => after({ ...state, command: attempting }, attempted('exists'));

  it('searches for replicas that are being deleted, as long as nothing is known of the lock', () => {
    const state = exists(aState());
    expect(state.command).toEqual({ do: 'inspect', search: true });
    const next = after(state, inspected({ lock: undefined, leaving: [RIVAL, ME] }));
    expect(next).toMatchObject({ next: 'attempt', predecessors: [RIVAL] });
    const holds = created(next, [aReading(leaving)]);
    expect(holds).toMatchObject({ command: inspecting, predecessors: [RIVAL] });
  });

  it('does not search once a look has found the lock, nor after a quota', () => {
    const state = after(exists(aState()), inspected());
    const next = after(state, timeUp);
    expect(next.command).toEqual(inspecting);
    const quota = after(aState({ command: attempting }), attempted('quota'));
    expect(quota.command).toEqual(inspecting);
  });

  it('adds those that it found to those that it knew', () => {
    const state = exists(aState({ predecessors: [elder] }));
    const event = inspected({ lock: undefined, leaving: [elder, RIVAL] });
    expect(new Set(after(state, event).predecessors)).toEqual(new Set([elder, RIVAL]));
  });
});

describe('a candidate with more predecessors than a lock can note', () => {
  const many = Array.from({ length: MAX_PREDECESSORS + 1 }, (_, index) => pod(10 + index));
  const free = aState({
    command: { do: 'wait', untilMs: NOW },
    next: 'attempt',
    predecessors: many,
  });

  it('notes sixteen, as the docs say', () => {
    expect(MAX_PREDECESSORS).toBe(16);
  });

  it('waits instead of creating the lock, and forgets nobody', () => {
    const state = after(free, timeUp);
    expect(state).toMatchObject({ command: { do: 'wait' }, next: 'inspect', predecessors: many });
    expect(state.obstacle).toBe('terminating');
    const reclaiming = waiting({
      command: { do: 'reclaim', lock: rivals },
      holder: aReading('absent'),
      predecessors: many,
    });
    expect(after(reclaiming, reclaimed)).toMatchObject({
      command: { do: 'wait' },
      predecessors: many,
    });
  });

  it('looks ever less often, and reads all of them, until one is over', () => {
    let state = after(free, timeUp);
    expect(podsToRead(state, undefined)).toEqual(many);
    const delays: number[] = [];
    for (let look = 0; look < 4; look++) {
      if (state.command.do === 'wait') delays.push(state.command.untilMs - NOW);
      state = looked(after(state, timeUp), {
        lock: undefined,
        pods: many.map(leavingReading),
        watched: false,
      });
      expect(state.predecessors).toEqual(many);
      state = after(state, timeUp);
      expect(state).toMatchObject({ command: { do: 'wait' }, next: 'inspect' });
    }
    expect(delays).toEqual([900, 1_800, 3_600, 7_200]);
    const pods = many.map((of, index) =>
      index === 5 ? aReading('absent', of) : leavingReading(of),
    );
    state = looked(after(state, timeUp), { lock: undefined, pods });
    expect(state.predecessors).toEqual(many.filter((_, index) => index !== 5));
    expect(after(state, timeUp).command).toEqual(attempting);
  });
});

describe('LIFE-1: a candidate that has created the lock', () => {
  const holding = created(aState({ predecessors: [RIVAL], candidateCount: 100 }), [
    aReading(leaving),
  ]);
  const waits = looked(holding, { lock: mine, pods: [aReading(leaving)] });

  it.each([
    aPod(),
    aPod({ phase: 'Failed' }),
    aPod({ uid: 'successor', deleting: true }),
    anEndedPod({ deleting: true }),
    'absent',
    'unreadable',
  ] as const)('leads if the last holder has let it go, or is over: %j', (found) => {
    const state = created(aState({ predecessors: [RIVAL] }), [aReading(found)]);
    expect(state.command).toEqual({ do: 'lead', lock: mine });
    expect(state.predecessors).toEqual([]);
  });

  it.each([leaving, aPod({ deleting: true, phase: 'Failed' })])(
    'holds it, and does not lead, while the last holder is on its way out: %j',
    (found) => {
      const state = created(aState({ predecessors: [RIVAL] }), [aReading(found)]);
      expect(state).toMatchObject({ command: inspecting, lock: mine, predecessors: [RIVAL] });
      expect(awaited(state)).toEqual(RIVAL);
      const next = looked(state, { lock: mine, pods: [aReading(found)] });
      expect(next.command).toEqual({ do: 'wait', untilMs: NOW + 0.9 * WATCHED_POLL_MS });
      expect(next).toMatchObject({ obstacle: 'terminating', next: 'inspect', lock: mine });
      expect(next.holder).toEqual(aReading(found));
      expect(awaited(next)).toEqual(RIVAL);
    },
  );

  it('takes it back if it must not lead itself', () => {
    const self = ofMe(aPod({ ...ME, deleting: true }));
    const event = attempted(mine, [aReading(leaving)], self);
    const state = after(aState({ command: attempting, predecessors: [RIVAL] }), event);
    const failure = { because: 'pod-terminating' };
    expect(state.command).toEqual({ do: 'withdraw', lock: mine, failure });
  });

  it('looks again and again where it cannot watch', () => {
    const state = looked(holding, { lock: mine, pods: [aReading(leaving)], watched: false });
    expect(state.command).toEqual({ do: 'wait', untilMs: NOW + 900 });
    expect(state.polls).toBe(1);
  });

  it.each([
    'absent',
    'unreadable',
    aPod({ uid: 'successor' }),
    anEndedPod({ deleting: true }),
  ] as const)('leads once the last holder does not run any more: %j', (found) => {
    const labelled = { ...mine, resourceVersion: '9' };
    const state = looked(waits, { lock: labelled, pods: [aReading(found)] });
    expect(state.command).toEqual({ do: 'lead', lock: labelled });
  });

  it('waits for one after the other', () => {
    const two = aState({ predecessors: [RIVAL, elder] });
    const one = created(two, [aReading(), leavingReading(elder)]);
    expect(one).toMatchObject({ command: inspecting, predecessors: [elder] });
    const both = created(two, [aReading(leaving), leavingReading(elder)]);
    expect(both.predecessors).toEqual([RIVAL, elder]);
    const pods = [aReading('absent'), leavingReading(elder)];
    const next = looked(both, { lock: mine, pods });
    // The Pod that was watched has ended: the next one is watched before anything is concluded.
    expect(next).toMatchObject({ command: inspecting, predecessors: [elder] });
    const waitsOn = looked(next, { lock: mine, pods: [leavingReading(elder)] });
    expect(waitsOn).toMatchObject({ command: { do: 'wait' }, obstacle: 'terminating' });
    const last = looked(waitsOn, { lock: mine, pods: [aReading('absent', elder)] });
    expect(last.command.do).toBe('lead');
  });

  it('waits for those that it notes, whoever created it: an earlier process, or a lost create', () => {
    const lock = { ...mine, predecessors: [RIVAL] };
    for (const fresh of [aState(), seen(waiting({ lock: undefined, holder: undefined }), lock)]) {
      expect(awaited(fresh, lock)).toEqual(RIVAL);
      const pods = [aReading(leaving)];
      let state = looked(fresh, { lock, pods });
      if (state.command.do === 'inspect') state = looked(state, { lock, pods });
      expect(state).toMatchObject({ command: { do: 'wait' }, obstacle: 'terminating' });
      const leads = looked(state, { lock, pods: [aReading('absent')] });
      expect(leads.command).toEqual({ do: 'lead', lock });
    }
  });

  it.each([
    ['the lock of another', aLock()],
    ['a lock that was released', { ...mine, released: true }],
    ['a lock that is being deleted', { ...mine, deleting: true }],
  ])('LIFE-3: never leads with %s: an assertion', (_, lock) => {
    expect(() => created(aState(), [], lock)).toThrow('illegal state: a leader without the lock');
  });
});

describe('a lock that was released', () => {
  const released = aLock({ released: true });

  it('is free once it is gone, while its holder still ends', () => {
    const state = gone(waiting({ holder: aReading(leaving) }), released);
    expect(state).toMatchObject({ next: 'attempt', predecessors: [] });
    const leads = created(state, []);
    expect(leads.command).toEqual({ do: 'lead', lock: mine });
  });

  it('is not taken for released without the mark: its holder is waited for while it ends', () => {
    const state = gone(waiting({ holder: aReading(leaving) }));
    expect(state).toMatchObject({ next: 'attempt', predecessors: [RIVAL] });
    expect(created(state, [aReading(leaving)]).command).toEqual(inspecting);
    expect(created(state, [aReading()]).command.do).toBe('lead');
  });

  it('says nothing of a later lock of the same Pod, when a watch tells of it late', () => {
    const former = aLock({ uid: 'lock-0', released: true });
    const known = looked(aState(), {});
    const late = seen(known, former);
    expect(looked(late, { lock: undefined }).predecessors).toEqual([RIVAL]);
    expect(gone(gone(known), former).predecessors).toEqual([RIVAL]);
    expect(gone(late, former).predecessors).toEqual([RIVAL]);
  });

  it('keeps the predecessors of its holder', () => {
    const lock = { ...released, predecessors: [elder] };
    const known = waiting({ lock: aLock({ predecessors: [elder] }), predecessors: [elder] });
    expect(gone(known, lock).predecessors).toEqual([elder]);
    expect(gone(waiting({ lock: undefined }), lock).predecessors).toEqual([elder]);
  });

  it('LIFE-4: is left to its holder for two seconds, then reclaimed; its holder is no predecessor', () => {
    const first = looked(waiting(), { lock: released, pods: [] });
    const untilMs = NOW + GARBAGE_COLLECTION_GRACE_MS + suppressionDelayMs(100, 0.5);
    expect(first).toMatchObject({ command: { do: 'wait', untilMs }, obstacle: 'released' });
    expect(first.leftSinceMs).toBe(NOW);
    const look = (passedMs: number) => looked(first, { lock: released, pods: [] }, NOW + passedMs);
    expect(look(GARBAGE_COLLECTION_GRACE_MS - 1).command.do).toBe('wait');
    const reclaims = look(GARBAGE_COLLECTION_GRACE_MS);
    expect(reclaims.command).toEqual({ do: 'reclaim', lock: released });
    const attempts = after(reclaims, reclaimed);
    expect(attempts).toMatchObject({ command: attempting, predecessors: [] });
  });

  it('is nothing that a Pod is waited for', () => {
    expect(awaited(aState(), released)).toBeUndefined();
    expect(podsToRead(aState(), released)).toEqual([]);
  });

  it.each([aState(), waiting({ lock: mine, holder: undefined })])(
    'LIFE-3: is reclaimed at once, and never led with, if it is my own',
    (state) => {
      const lock = { ...mine, released: true };
      const reclaims = looked(state, { lock, pods: [] });
      expect(reclaims.command).toEqual({ do: 'reclaim', lock });
      const attempts = after(reclaims, reclaimed);
      expect(attempts).toMatchObject({ command: attempting, predecessors: [] });
    },
  );

  it('that finalizers keep is waited for', () => {
    const lock = { ...released, deleting: true };
    const state = looked(waiting(), { lock, pods: [] });
    expect(state).toMatchObject({ command: { do: 'wait' }, obstacle: 'lock-deleting' });
  });
});

describe('predecessors from an earlier call of the process', () => {
  const state = start(SETTINGS, ME.uid, [RIVAL]);

  it('stay, whatever is read of them beside the first create: their lock may have ended after that', () => {
    const held = created(state, [aReading()]);
    expect(held.predecessors).toEqual([RIVAL]);
    expect(held.command).toEqual(inspecting);
    const waits = looked(held, { lock: mine, pods: [aReading(leaving)] });
    expect(waits.predecessors).toEqual([RIVAL]);
    expect(waits.command.do).toBe('wait');
  });

  it('are over once a look at the lock of this Pod finds that they run, and are not being deleted', () => {
    const held = created(state, [aReading()]);
    expect(looked(held, { lock: mine, pods: [aReading()] }).command.do).toBe('lead');
  });

  it('are judged beside a later create as any: no lock was there when it was decided', () => {
    const free = looked(after(state, attempted('exists')), { lock: undefined });
    expect(free.predecessors).toEqual([RIVAL]);
    expect(created(free, [aReading()]).command.do).toBe('lead');
  });
});
