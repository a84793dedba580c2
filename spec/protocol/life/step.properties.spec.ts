import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { suppressionDelayMs } from '../../../lib/protocol/delay.ts';
import { type Command, type Event, type State, start } from '../../../lib/protocol/life/state.ts';
import { GARBAGE_COLLECTION_GRACE_MS, WATCHED_POLL_MS } from '../../../lib/protocol/life/look.ts';
import { step } from '../../../lib/protocol/life/step.ts';
import {
  type Lock,
  type Pod,
  type PodIdentity,
  type PodReading,
  holderOf,
  isLeaving,
  isOver,
  livenessOf,
} from '../../../lib/protocol/model.ts';
import { ME, RIVAL, SETTINGS } from '../fixtures.ts';

const pods: readonly PodIdentity[] = [ME, RIVAL, { name: ME.name, uid: 'former' }];
const identity = fc.constantFrom(...pods);
const pod: fc.Arbitrary<Pod> = fc
  .record({
    identity,
    phase: fc.constantFrom('Pending', 'Running', 'Failed', 'Succeeded', 'Unknown'),
    deleting: fc.boolean(),
    mayRun: fc.boolean(),
  })
  .map(({ identity: who, ...rest }) => ({ ...who, nodeName: 'n1', ...rest }));
/** What is found under the name of this Pod: mostly itself. */
const readingOf = (of: PodIdentity): fc.Arbitrary<PodReading> =>
  fc
    .oneof(
      { weight: 6, arbitrary: pod.map((found) => ({ ...found, ...of })) },
      { weight: 1, arbitrary: pod.map((found) => ({ ...found, name: of.name })) },
      { weight: 2, arbitrary: fc.constantFrom('absent' as const, 'unreadable' as const) },
    )
    .map((found) => ({ of, found }));
/** Readings of all Pods that there are. */
const readings = fc.tuple(...pods.map(readingOf));
/** What a lock notes, its creator has written: it never changes. */
const notes: Readonly<Record<string, readonly PodIdentity[]>> = {
  'lock-1': [],
  'lock-2': pods,
  'lock-3': pods.slice(1),
};
const lock: fc.Arbitrary<Lock> = fc
  .record(
    {
      uid: fc.constantFrom(...Object.keys(notes)),
      resourceVersion: fc.constantFrom('1', '2'),
      owner: identity,
      mark: identity,
      released: fc.boolean(),
      deleting: fc.boolean(),
      finalizers: fc.constant([]),
    },
    { requiredKeys: ['uid', 'resourceVersion', 'released', 'deleting', 'finalizers'] },
  )
  .map((each) => ({ ...each, predecessors: notes[each.uid] ?? [] }));
const watched = fc.constantFrom('lock', 'holder', 'node');
const hint: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ type: fc.constantFrom('lock-seen' as const, 'lock-gone' as const), lock }),
  fc.record({ type: fc.constant('pod-seen' as const), pod: identity.chain(readingOf) }),
  fc.constant<Event>({ type: 'node-changed' }),
  fc.record({ type: fc.constantFrom('watch-opened' as const, 'watch-lost' as const), of: watched }),
);
const gone: fc.Arbitrary<Event> = fc.record({ type: fc.constant('lock-gone'), lock });
const isHint = ({ type }: Event) =>
  ['lock-seen', 'lock-gone', 'pod-seen', 'node-changed', 'watch-opened', 'watch-lost'].includes(
    type,
  );

/** What may happen next, whichever command the candidate is at. */
const moment = fc.record({
  passedMs: fc.oneof(fc.nat({ max: 5_000 }), fc.nat({ max: 100_000 })),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  answers: fc.record<
    Record<'identify' | 'attempt' | 'inspect' | 'reclaim' | 'evict' | 'wait', Event>
  >({
    identify: fc.record({
      type: fc.constant('identified'),
      self: fc.oneof(pod, fc.constant('absent' as const)),
    }),
    attempt: fc.record({
      type: fc.constant('attempted'),
      outcome: fc.oneof(lock, fc.constantFrom('exists' as const, 'quota' as const)),
      self: fc.option(readingOf(ME), { nil: undefined }),
      predecessors: readings,
    }),
    inspect: fc.oneof(
      {
        weight: 9,
        arbitrary: fc.record({
          type: fc.constant('inspected' as const),
          lock: fc.option(lock, { nil: undefined }),
          pods: readings,
          leaving: fc.option(fc.array(identity, { maxLength: 2 }), { nil: undefined }),
          node: fc.constantFrom('ready', 'not-ready', 'not-ready', 'absent'),
          watched: fc.boolean(),
          candidateCount: fc.constantFrom(1, 5, 6, 100, 1_000),
        }),
      },
      gone,
    ),
    reclaim: fc.record({ type: fc.constant('reclaimed'), mine: fc.boolean() }),
    evict: fc.constant({ type: 'evicted' }),
    wait: fc.oneof(fc.constant<Event>({ type: 'time-up' }), { weight: 6, arbitrary: hint }),
  }),
});
type Chance = typeof moment extends fc.Arbitrary<infer T> ? T : never;

interface Step {
  readonly before: State;
  readonly event: Event;
  readonly after: State;
  readonly nowMs: number;
}

/**
 * The same event, as it can be: what was created is what was sent, what was read as me has my UID, and
 * replicas are searched for only where there is no lock.
 */
function fitting(state: State, event: Event): Event {
  if (event.type === 'inspected')
    return { ...event, leaving: event.lock ? undefined : event.leaving };
  if (event.type !== 'attempted') return event;
  const { outcome, self } = event;
  const me = { name: ME.name, uid: state.podUid ?? '' };
  const { predecessors } = state;
  const as = { owner: me, mark: me, predecessors, released: false, deleting: false };
  const created = typeof outcome === 'object' ? { ...outcome, ...as } : outcome;
  return { ...event, outcome: created, self: self && { ...self, of: me } };
}

/** Every step of a campaign that meets with these moments, until it ends. */
function* walk(takeOver: boolean, moments: readonly Chance[]): Generator<Step> {
  const settings = takeOver ? { ...SETTINGS, takeOverFromNotReadyNodeAfterMs: 60_000 } : SETTINGS;
  let before = start(settings, moments.length % 2 ? ME.uid : undefined);
  let nowMs = 0;
  for (const { passedMs, random, answers } of moments) {
    const { do: command } = before.command;
    if (command === 'lead' || command === 'fail' || command === 'withdraw') return;
    nowMs += passedMs;
    const event = fitting(before, answers[command]);
    const after = step(before, event, { nowMs, random });
    expect(step(before, event, { nowMs, random })).toEqual(after);
    yield { before, event, after, nowMs };
    before = after;
  }
}

function check(judge: (step: Step) => void): void {
  const moments = fc.array(moment, { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(fc.boolean(), moments, (takeOver, list) => {
      for (const each of walk(takeOver, list)) judge(each);
    }),
    { numRuns: 200 },
  );
}

/** Calls `judge` for each step that ends in this command. */
function checkEach<D extends Command['do']>(
  command: D,
  judge: (command: Command & { do: D }, step: Step) => void,
): void {
  const leadsTo = (step: Step): step is Step & { after: { command: { do: D } } } =>
    step.after.command.do === command && step.after.command !== step.before.command;
  check((step) => {
    if (leadsTo(step)) judge(step.after.command, step);
  });
}

function isSame(known: Lock | undefined, lock: Lock | undefined): boolean {
  if (!known || !lock) return false;
  return known.uid === lock.uid && holderOf(known)?.uid === holderOf(lock)?.uid;
}

/** The Pods whose locks an event says have ended, and which it does not say to be no predecessors. */
function leftBy({ before, event, after }: Step): PodIdentity[] {
  const locks = new Map<string, Lock>();
  const end = (ended: Lock | undefined) => {
    const holder = ended && holderOf(ended);
    if (holder) locks.set(holder.uid, ended);
  };
  const known = before.lock;
  if (event.type === 'lock-gone') {
    if (known?.uid === event.lock.uid) end(known);
    end(event.lock);
  } else if (event.type === 'reclaimed') {
    if (event.mine) end(known);
  } else if (event.type === 'inspected' || event.type === 'lock-seen') {
    if (!isSame(known, event.lock)) end(known);
  }
  const wasReleased = (holder: PodIdentity) => locks.get(holder.uid)?.released === true;
  const isKnownToBeOver = (holder: PodIdentity) =>
    before.holder?.of.uid === holder.uid && isOver(before.holder);
  return pods
    .filter(({ uid }) => locks.has(uid) && uid !== after.podUid)
    .filter((holder) => !wasReleased(holder) && !isKnownToBeOver(holder));
}

/** What an event says was read of Pods. */
function readIn(event: Event): readonly PodReading[] {
  if (event.type === 'attempted') return event.predecessors;
  return event.type === 'inspected' ? event.pods : [];
}

describe('a candidate, in any order of events', () => {
  it('LIFE-3: leads only with a lock that it has just created, or read to be its own', () => {
    checkEach('lead', ({ lock: held }, { event, after }) => {
      if (event.type === 'attempted') expect(event.outcome).toBe(held);
      else expect(event).toMatchObject({ type: 'inspected', lock: held });
      expect(holderOf(held)?.uid).toBe(after.podUid);
      expect(held).toMatchObject({ deleting: false, released: false });
      expect(after).toMatchObject({ lock: held, predecessors: [] });
    });
  });

  it('LIFE-3: does not lead, nor go on, as a Pod that it has read to be unfit', () => {
    check(({ event, after }) => {
      if (event.type !== 'attempted' || !event.self) return;
      const { found } = event.self;
      const fit =
        typeof found === 'object' &&
        found.uid === after.podUid &&
        livenessOf(event.self) === 'alive';
      expect(['withdraw', 'fail'].includes(after.command.do)).toBe(!fit);
    });
  });

  it('LIFE-4: deletes only a lock that it has just read, whose holder has ended or given it up', () => {
    checkEach('reclaim', ({ lock: ended }, { event, after, nowMs }) => {
      expect(event).toMatchObject({ type: 'inspected', lock: ended });
      const holder = holderOf(ended);
      if (event.type !== 'inspected' || !holder) throw new Error('nobody holds it');
      expect(ended.deleting).toBe(false);
      if (holder.uid === after.podUid) {
        expect(ended.released).toBe(true);
        return;
      }
      const reading = event.pods.find(({ of }) => of.uid === holder.uid);
      const liveness = reading && livenessOf(reading);
      if (liveness === 'finished' && !ended.released) return;
      expect(ended.released || liveness === 'gone').toBe(true);
      expect(nowMs - (after.leftSinceMs ?? nowMs)).toBeGreaterThanOrEqual(
        GARBAGE_COLLECTION_GRACE_MS,
      );
    });
  });

  it('deletes no Pod but that of the holder, on a node that has not been ready for long', () => {
    checkEach('evict', ({ pod: victim }, { event, after, nowMs }) => {
      const afterMs = after.settings.takeOverFromNotReadyNodeAfterMs;
      expect(afterMs).toBeDefined();
      expect(event).toMatchObject({ type: 'inspected', node: 'not-ready' });
      expect(readIn(event).map(({ found }) => found)).toContain(victim);
      expect(after.lock && holderOf(after.lock)?.uid).toBe(victim.uid);
      expect(nowMs - (after.notReadySinceMs ?? nowMs)).toBeGreaterThanOrEqual(afterMs ?? Infinity);
    });
  });

  it('LIFE-1: does not lead while it reads that a predecessor is on its way out', () => {
    checkEach('lead', ({ lock: held }, { before, event, after }) => {
      const named = [...before.predecessors, ...(held.predecessors ?? [])];
      for (const { uid } of named.filter((who) => who.uid !== after.podUid)) {
        const reading = readIn(event).find(({ of }) => of.uid === uid);
        expect(reading && !isLeaving(reading)).toBe(true);
      }
    });
  });

  it('LIFE-1: forgets no predecessor that it has not read to be none', () => {
    check((each) => {
      const { before, event, after } = each;
      const found = event.type === 'inspected' && !isSame(before.lock, event.lock) && event.lock;
      const noted = found ? (found.predecessors ?? []) : [];
      const holder = after.lock && holderOf(after.lock)?.uid;
      const kept = new Set(after.predecessors.map(({ uid }) => uid));
      for (const { uid } of [...before.predecessors, ...noted, ...leftBy(each)]) {
        // Of the holder it is decided when its lock ends.
        if ([after.podUid, holder].includes(uid)) continue;
        const reading = readIn(event).find(({ of }) => of.uid === uid);
        if (!reading || isLeaving(reading)) expect(kept).toContain(uid);
      }
    });
  });

  it('has each predecessor once, and neither itself nor the holder of a lock that it just found', () => {
    check(({ before, event, after }) => {
      const uids = after.predecessors.map(({ uid }) => uid);
      expect(new Set(uids).size).toBe(uids.length);
      expect(uids).not.toContain(after.podUid);
      if (event.type === 'inspected' && after.lock && after.lock.uid !== before.lock?.uid) {
        expect(uids).not.toContain(holderOf(after.lock)?.uid);
      }
    });
  });

  it('takes no hint for a reading of the holder', () => {
    check(({ before, event, after }) => {
      if (!isHint(event)) return;
      expect([before.holder, undefined]).toContain(after.holder);
      if (event.type === 'pod-seen') expect(after).toEqual({ ...before, command: after.command });
    });
  });

  it('attempts nothing after it has seen another lock, before it has looked', () => {
    check(({ event, after, before }) => {
      if (event.type !== 'lock-seen' || before.lock?.uid === event.lock.uid) return;
      expect(after).toMatchObject({ command: { do: 'wait' }, next: 'inspect' });
    });
  });

  it('never waits for a moment that is past, nor longer than it should', () => {
    checkEach('wait', ({ untilMs }, { before, event, after, nowMs }) => {
      if (before.command.do === 'wait') return;
      expect(untilMs).toBeGreaterThanOrEqual(nowMs);
      const window = suppressionDelayMs(after.candidateCount, 1);
      const atMost =
        event.type === 'inspected' && event.watched
          ? WATCHED_POLL_MS
          : Math.max(GARBAGE_COLLECTION_GRACE_MS + window, SETTINGS.maxBackoffMs);
      expect(untilMs - nowMs).toBeLessThanOrEqual(atMost);
    });
  });

  it('looks again at most on a hint, and writes nothing', () => {
    check(({ event, after }) => {
      if (!isHint(event)) return;
      expect(['wait', 'inspect']).toContain(after.command.do);
    });
  });

  it('keeps its UID once it knows it', () => {
    check(({ before, after }) => {
      if (before.podUid !== undefined) expect(after.podUid).toBe(before.podUid);
      expect(after.settings).toBe(before.settings);
    });
  });
});
