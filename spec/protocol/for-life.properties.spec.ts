import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { spreadMs } from '../../lib/protocol/delay.ts';
import {
  type Command,
  type Event,
  type State,
  GARBAGE_COLLECTION_GRACE_MS,
  WATCHED_POLL_MS,
  awaited,
  start,
  step,
} from '../../lib/protocol/for-life.ts';
import {
  type Lock,
  type Pod,
  type PodIdentity,
  type PodReading,
  holderOf,
  livenessOf,
} from '../../lib/protocol/model.ts';
import { ME, RIVAL, SETTINGS } from './fixtures.ts';

const identity = fc.constantFrom(ME, RIVAL, { name: ME.name, uid: 'former' });
const pod: fc.Arbitrary<Pod> = fc
  .record({
    identity,
    phase: fc.constantFrom('Pending', 'Running', 'Failed', 'Succeeded', 'Unknown'),
    deleting: fc.boolean(),
    running: fc.boolean(),
    background: fc.boolean(),
  })
  .map(({ identity: who, ...rest }) => ({ ...who, nodeName: 'n1', ...rest }));
const reading: fc.Arbitrary<PodReading> = fc.oneof(
  { weight: 3, arbitrary: pod },
  fc.constantFrom<PodReading>('absent', 'unreadable'),
);
const lock: fc.Arbitrary<Lock> = fc.record(
  {
    uid: fc.constantFrom('lock-1', 'lock-2'),
    resourceVersion: fc.constantFrom('1', '2'),
    owner: identity,
    mark: identity,
    predecessors: fc.array(identity, { maxLength: 3 }),
    deleting: fc.boolean(),
    finalizers: fc.constant([]),
  },
  { requiredKeys: ['uid', 'resourceVersion', 'deleting', 'finalizers'] },
);
const watched = fc.constantFrom('lock', 'holder', 'node');

const possible: Readonly<Record<Event['type'], fc.Arbitrary<Event>>> = {
  identified: fc.record({
    type: fc.constant('identified'),
    self: fc.oneof(pod, fc.constant('absent' as const)),
  }),
  attempted: fc.record({
    type: fc.constant('attempted'),
    outcome: fc.oneof(lock, fc.constantFrom('exists' as const, 'quota' as const)),
    self: reading,
    predecessors: fc.array(reading, { maxLength: 2 }),
  }),
  inspected: fc.record({
    type: fc.constant('inspected'),
    lock: fc.option(lock, { nil: undefined }),
    holder: reading,
    node: fc.constantFrom('ready', 'not-ready', 'not-ready', 'absent'),
    watched: fc.boolean(),
    crowd: fc.constantFrom(1, 5, 6, 100, 1_000),
  }),
  reclaimed: fc.record({ type: fc.constant('reclaimed'), mine: fc.boolean() }),
  evicted: fc.constant({ type: 'evicted' }),
  'time-up': fc.constant({ type: 'time-up' }),
  'lock-seen': fc.record({ type: fc.constant('lock-seen'), lock }),
  'lock-gone': fc.record({
    type: fc.constant('lock-gone'),
    uid: fc.constantFrom('lock-1', 'lock-2'),
  }),
  'holder-seen': fc.record({ type: fc.constant('holder-seen'), pod: reading }),
  'node-changed': fc.constant({ type: 'node-changed' }),
  'watch-opened': fc.record({ type: fc.constant('watch-opened'), of: watched }),
  'watch-lost': fc.record({ type: fc.constant('watch-lost'), of: watched }),
};
const hints = [
  'lock-seen',
  'lock-gone',
  'holder-seen',
  'node-changed',
  'watch-opened',
  'watch-lost',
] as const;

/** What may happen next, whichever command the candidate is at. */
const moment = fc.record({
  passedMs: fc.oneof(fc.nat({ max: 5_000 }), fc.nat({ max: 100_000 })),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  answers: fc.record({
    identify: possible.identified,
    attempt: possible.attempted,
    inspect: fc.oneof({ weight: 9, arbitrary: possible.inspected }, possible['lock-gone']),
    reclaim: possible.reclaimed,
    evict: possible.evicted,
    wait: fc.oneof(possible['time-up'], ...hints.map((hint) => possible[hint])),
  }),
});

interface Step {
  readonly before: State;
  readonly event: Event;
  readonly after: State;
  readonly nowMs: number;
}

/** Every step of a campaign that meets with these moments, until it ends. */
function* walk(
  takeOver: boolean,
  moments: readonly (typeof moment extends fc.Arbitrary<infer T> ? T : never)[],
) {
  const settings = takeOver ? { ...SETTINGS, takeOverFromNotReadyNodeAfterMs: 60_000 } : SETTINGS;
  let before = start(settings, moments.length % 2 ? ME.uid : undefined);
  let nowMs = 0;
  for (const { passedMs, random, answers } of moments) {
    const { do: command } = before.command;
    if (command === 'lead' || command === 'fail' || command === 'withdraw') return;
    nowMs += passedMs;
    const event = answers[command];
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

describe('whatever happens, a candidate', () => {
  it('leads only with a lock that it has just created, or read to be its own', () => {
    checkEach('lead', ({ lock: held }, { event, after }) => {
      if (event.type === 'attempted') expect(event.outcome).toBe(held);
      else {
        expect(event).toMatchObject({ type: 'inspected', lock: held });
        expect(holderOf(held)?.uid).toBe(after.podUid);
        expect(held.deleting).toBe(false);
      }
    });
  });

  it('does not lead, nor go on, as a Pod that it has read to be unfit', () => {
    check(({ event, after }) => {
      if (event.type !== 'attempted' || typeof event.self === 'string') return;
      const fit = event.self.uid === after.podUid && livenessOf(event.self, event.self) === 'alive';
      expect(['withdraw', 'fail'].includes(after.command.do)).toBe(!fit);
    });
  });

  it('deletes only a lock that it has just read, whose holder has ended', () => {
    checkEach('reclaim', ({ lock: ended }, { event, after, nowMs }) => {
      expect(event).toMatchObject({ type: 'inspected', lock: ended });
      const holder = holderOf(ended);
      if (event.type !== 'inspected' || !holder) throw new Error('nobody holds it');
      const liveness = livenessOf(holder, event.holder);
      if (liveness !== 'finished') {
        expect(liveness).toBe('gone');
        expect(nowMs - (after.goneSinceMs ?? nowMs)).toBeGreaterThanOrEqual(
          GARBAGE_COLLECTION_GRACE_MS,
        );
      }
    });
  });

  it('deletes no Pod but that of the holder, on a node that has not been ready for long', () => {
    checkEach('evict', ({ pod: victim }, { event, after, nowMs }) => {
      const afterMs = after.settings.takeOverFromNotReadyNodeAfterMs;
      expect(afterMs).toBeDefined();
      expect(event).toMatchObject({ type: 'inspected', holder: victim, node: 'not-ready' });
      expect(after.lock && holderOf(after.lock)?.uid).toBe(victim.uid);
      expect(nowMs - (after.notReadySinceMs ?? nowMs)).toBeGreaterThanOrEqual(afterMs ?? Infinity);
    });
  });

  it('does not lead while it reads that a predecessor is on its way out', () => {
    checkEach('lead', ({ lock: held }, { before, event }) => {
      const readings: [PodIdentity | undefined, PodReading][] =
        event.type === 'attempted'
          ? before.predecessors.map((who, index) => [who, event.predecessors[index] ?? 'absent'])
          : event.type === 'inspected'
            ? [[awaited(before, held), event.holder]]
            : [];
      for (const [who, read] of readings) {
        const isThere = typeof read === 'object' && read.uid === who?.uid && read.deleting;
        expect(isThere && livenessOf(read, read) !== 'finished').toBe(false);
      }
    });
  });

  it('never waits for a moment that is past, nor longer than it should', () => {
    checkEach('wait', ({ untilMs }, { before, event, after, nowMs }) => {
      if (before.command.do === 'wait') return;
      expect(untilMs).toBeGreaterThanOrEqual(nowMs);
      const window = spreadMs(after.crowd, 1);
      const atMost =
        event.type === 'inspected' && event.watched
          ? WATCHED_POLL_MS
          : Math.max(GARBAGE_COLLECTION_GRACE_MS + window, SETTINGS.maxBackoffMs);
      expect(untilMs - nowMs).toBeLessThanOrEqual(atMost);
    });
  });

  it('looks again at most on a hint, and writes nothing', () => {
    check(({ event, after }) => {
      if (!hints.some((hint) => hint === event.type)) return;
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
