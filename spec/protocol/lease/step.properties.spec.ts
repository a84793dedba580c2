import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { LeaderElectionRecord, LockVersion } from '../../../lib/protocol/lease/record.ts';
import {
  type Command,
  type Event,
  type Settings,
  type State,
  holderOf,
  start,
} from '../../../lib/protocol/lease/state.ts';
import { step } from '../../../lib/protocol/lease/step.ts';
import { leftMs } from '../../../lib/protocol/validity.ts';
import { Tape, World } from './world.ts';

const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 300);

const settings: Settings = {
  identity: 'me',
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

const record: fc.Arbitrary<LeaderElectionRecord> = fc.record({
  holderIdentity: fc.constantFrom('me', 'me', 'other', 'third', ''),
  leaseDurationSeconds: fc.constantFrom(15, 1, 40, undefined),
  acquireTime: fc.constantFrom('a', undefined),
  renewTime: fc.constantFrom('a', 'b', 'c', undefined),
  leaseTransitions: fc.nat({ max: 2 }),
});
const version: fc.Arbitrary<LockVersion> = fc.record(
  {
    record,
    resourceVersion: fc.constantFrom('1', '2', '10', 'unordered'),
    uid: fc.constantFrom('one', 'two'),
  },
  { requiredKeys: ['record', 'resourceVersion'] },
);
const failed: fc.Arbitrary<Event> = fc.record({
  type: fc.constant('failed'),
  ambiguous: fc.boolean(),
  retryAfterMs: fc.constantFrom(undefined, 0, 1_000, 60_000),
});
const written: fc.Arbitrary<Event> = fc.record({
  type: fc.constant('written'),
  version: fc.constant('conflict' as const),
});
const finish = fc.constant<Event>({ type: 'finish' });
const hint: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ type: fc.constant('seen' as const), version }),
  fc.record({
    type: fc.constant('gone' as const),
    resourceVersion: fc.constantFrom('2', '11', ''),
  }),
  fc.constantFrom<Event>({ type: 'watch-opened' }, { type: 'watch-lost' }),
);

/** What may happen next, whichever command the elector is at; `stored` by its write. */
const moment = fc.record({
  passedMs: fc.oneof(fc.nat({ max: 3_000 }), fc.nat({ max: 20_000 })),
  suspendedMs: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat({ max: 20_000 })),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  dateMs: fc.nat({ max: 10 ** 6 }),
  stored: fc.boolean(),
  answers: fc.record({
    get: fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          type: fc.constant('got' as const),
          version: fc.option(version, { nil: undefined }),
        }),
      },
      failed,
      { weight: 1, arbitrary: finish },
    ),
    write: fc.oneof(written, failed, failed),
    wait: fc.oneof(
      { weight: 3, arbitrary: fc.constant<Event>({ type: 'time-up' }) },
      { weight: 4, arbitrary: hint },
      { weight: 1, arbitrary: finish },
    ),
  }),
});
type Moment = typeof moment extends fc.Arbitrary<infer T> ? T : never;

interface Step {
  readonly before: State;
  readonly event: Event;
  readonly after: State;
  readonly nowMs: number;
  readonly bootMs: number;
  /** When the last write was decided that was answered. */
  readonly answered: State['issuedAt'] | undefined;
  readonly isTold: boolean;
}

function answer(command: Command, { stored, answers }: Moment, count: number): Event {
  switch (command.do) {
    case 'create':
    case 'update': {
      if (!stored) return answers.write;
      const uid = command.do === 'update' ? command.version.uid : 'one';
      const resourceVersion = String(20 + count);
      const { record: written } = command;
      const known = uid === undefined ? {} : { uid };
      return { type: 'written', version: { record: written, resourceVersion, ...known } };
    }
    case 'get':
      return answers.get;
    default:
      return answers.wait;
  }
}

/** Every step of an elector that meets with these moments, until it ends. */
function* walk(moments: readonly Moment[]): Generator<Step> {
  let nowMs = 0;
  let bootMs = 5_000;
  let answered: State['issuedAt'] | undefined;
  let isTold = false;
  let before = start(settings, { nowMs, bootMs, dateMs: 0, random: 0 });
  for (const [count, each] of moments.entries()) {
    if (before.command.do === 'end') return;
    nowMs += each.passedMs;
    bootMs += each.passedMs + each.suspendedMs;
    const event = answer(before.command, each, count);
    const when = { nowMs, bootMs, dateMs: each.dateMs, random: each.random };
    const after = step(before, event, when);
    expect(step(before, event, when)).toEqual(after);
    isTold ||= event.type === 'finish';
    if (event.type === 'written' && event.version !== 'conflict') answered = before.issuedAt;
    yield { before, event, after, nowMs, bootMs, answered, isTold };
    before = after;
  }
}

function check(judge: (step: Step) => void): void {
  const moments = fc.array(moment, { minLength: 1, maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(moments, (list) => {
      for (const each of walk(list)) judge(each);
    }),
    { numRuns },
  );
}

/** Calls `judge` for each step that decides this command. */
function checkEach<D extends Command['do']>(
  command: D,
  judge: (command: Command & { do: D }, step: Step) => void,
): void {
  const leadsTo = (each: Step): each is Step & { after: { command: { do: D } } } =>
    each.after.command.do === command && each.after.command !== each.before.command;
  check((each) => {
    if (leadsTo(each)) judge(each.after.command, each);
  });
}

describe('whatever it is told, an elector', () => {
  it('begins to lead with the answer to a write of its own, and nothing else', () => {
    check(({ before, event, after }) => {
      if (before.phase === 'leading' || after.phase !== 'leading') return;
      expect(before.phase).toBe('following');
      expect(['create', 'update']).toContain(before.command.do);
      if (event.type !== 'written' || event.version === 'conflict') throw new Error('not written');
      expect(event.version.record.holderIdentity).toBe('me');
    });
  });

  it('leads no longer than the deadline after it decided the last write that was answered', () => {
    check(({ after, nowMs, bootMs, answered }) => {
      if (after.phase !== 'leading' || !answered) return;
      expect(after.renewedAt).toBe(answered);
      expect(leftMs(answered, settings.renewDeadlineMs, { nowMs, bootMs })).toBeGreaterThan(0);
    });
  });

  it('moves from phase to phase in one direction, and ends with a reason or when told to', () => {
    const phases = ['following', 'leading', 'releasing', 'ended'];
    check(({ before, after, isTold }) => {
      expect(phases.indexOf(after.phase)).toBeGreaterThanOrEqual(phases.indexOf(before.phase));
      expect(after.command.do === 'end').toBe(after.phase === 'ended');
      if (after.phase === 'ended') expect(after.loss === undefined).toBe(isTold);
    });
  });

  it('replaces no version but the one that it knows, and creates only where it knows of none', () => {
    checkEach('update', ({ version: replaced }, { after }) => {
      expect(replaced).toBe(after.version);
      expect(after.gone).toBe(false);
    });
    checkEach('create', (_, { after }) => {
      expect(after.gone || !after.version).toBe(true);
    });
  });

  it('takes from nobody else a lock that has not expired', () => {
    const takes = ({ before, after, nowMs }: Step) => {
      if (before.phase !== 'following' || after.phase !== 'following') return;
      expect(nowMs).toBeGreaterThanOrEqual(after.heldUntilMs);
    };
    checkEach('update', (_, each) => takes(each));
    checkEach('create', (_, each) => takes(each));
  });

  it('writes all five fields, always', () => {
    const isComplete = (written: LeaderElectionRecord) => {
      expect(written.leaseDurationSeconds).toBeGreaterThanOrEqual(1);
      expect(written.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      expect(written.acquireTime).toBeDefined();
      expect(written.leaseTransitions).toBeGreaterThanOrEqual(0);
      expect(['me', '']).toContain(written.holderIdentity);
    };
    checkEach('create', (command) => {
      isComplete(command.record);
    });
    checkEach('update', (command) => {
      isComplete(command.record);
    });
  });

  it('gives up what is its own only, and when it is told to', () => {
    checkEach('update', ({ record: written, version: replaced }, { after }) => {
      expect(written.holderIdentity === '').toBe(after.phase === 'releasing');
      if (after.phase === 'releasing') expect(replaced.record.holderIdentity).toBe('me');
    });
  });

  it('waits for no moment that is past', () => {
    checkEach('wait', ({ untilMs }, { nowMs, before }) => {
      if (before.command.do !== 'wait') expect(untilMs).toBeGreaterThanOrEqual(nowMs);
    });
  });

  it('looks at least every retry period at a lock that it does not watch', () => {
    checkEach('wait', ({ untilMs }, { event, after, nowMs }) => {
      if (after.phase !== 'following' || event.type === 'failed') return;
      if (after.watch === 'current') return;
      const spread = 50;
      expect(untilMs - nowMs).toBeLessThanOrEqual(settings.retryPeriodMs + spread);
    });
  });

  it('knows the holder that it was told of last, or nobody', () => {
    check(({ event, after }) => {
      if (event.type !== 'got') return;
      expect(holderOf(after)).toBe(event.version?.record.holderIdentity ?? '');
    });
  });
});

describe('whatever happens to electors of one lock, at most one leads, and one in the end', () => {
  const choices = fc.array(fc.nat({ max: 997 }), { minLength: 40, maxLength: 500, size: 'max' });

  function play(list: readonly number[], electors: number, deletions: boolean): void {
    const onStep = (_: State, __: Event, after: State) => {
      if (after.phase !== 'leading' || world.leaders.length < 2) return;
      throw new Error('two leaders');
    };
    const world = new World({ tape: new Tape(list), electors, deletions, onStep });
    world.play();
    world.mend();
    world.runUntilLed(120_000);
    const leaders = () => world.leaders.map(({ state }) => state.settings.identity);
    const found = leaders();
    expect(found).toEqual([world.stored?.record.holderIdentity]);
    world.run(60_000);
    expect(leaders()).toEqual(found);
  }

  const bySchedule = (deletions: boolean) => {
    fc.assert(
      fc.property(choices, fc.integer({ min: 1, max: 4 }), (list, electors) => {
        play(list, electors, deletions);
      }),
      { numRuns },
    );
  };

  it('with requests lost, late and doubled, clocks that differ, stops and starts', () => {
    bySchedule(false);
  }, 600_000);

  it('with the lock deleted by hand, if every elector has seen it before', () => {
    bySchedule(true);
  }, 600_000);
});
