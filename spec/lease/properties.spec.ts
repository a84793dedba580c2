import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { LeaseLeadership } from '../../lib/lease/lead.ts';
import type { FaultRule } from '../../lib/testing/index.ts';
import { Simulation } from '../become/simulation.ts';
import type { ClockOptions } from './process-clock.ts';
import { DURATIONS, LeaseProcess } from './simulation.ts';

/** What can happen to electors of one Lease, and around them. */
type Action =
  | { readonly do: 'start' | 'crash' | 'finish' | 'cancel'; readonly who: number }
  | { readonly do: 'cut' | 'mend' | 'suspend' | 'resume' | 'stop'; readonly who: number }
  | { readonly do: 'continue'; readonly who: number; readonly readFirst: boolean }
  | { readonly do: 'set-wall'; readonly who: number; readonly offsetMs: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'break'; readonly rule: FaultRule }
  | { readonly do: 'cut-watches' | 'relabel' | 'clear' | 'delete' };

const ELECTORS = 4;

/** The clocks may differ by so much, and still there are never two leaders. */
const RATIO = DURATIONS.leaseDurationMs / DURATIONS.renewDeadlineMs;

/** The boot clock is coarse: what is shorter may go unnoticed, and counts for the ratio. */
const UNNOTICED_MS = 200;

/** The rates of all lie within the ratio; what may go unnoticed has to fit in, too. */
const clocks: fc.Arbitrary<readonly ClockOptions[]> = fc
  .record({
    slowest: fc.double({ min: 0.5, max: 1, noNaN: true }),
    clocks: fc.array(
      fc.record({
        faster: fc.oneof(
          fc.constantFrom(1, RATIO - 0.02),
          fc.double({ min: 1, max: RATIO - 0.02, noNaN: true }),
        ),
        startMs: fc.integer({ min: 0, max: 10 ** 9 }),
        wallOffsetMs: fc.integer({ min: -(10 ** 10), max: 10 ** 10 }),
      }),
      { minLength: ELECTORS, maxLength: ELECTORS },
    ),
  })
  .map(({ slowest, clocks: differing }) =>
    differing.map(({ faster, ...rest }) => ({ ...rest, rate: slowest * faster })),
  );

const who = fc.nat({ max: ELECTORS - 1 });
const struck = fc.constantFrom('before' as const, 'after' as const);
const probability = fc.double({ min: 0.1, max: 0.9, noNaN: true });

const rule: fc.Arbitrary<FaultRule> = fc
  .record({
    effect: fc.oneof(
      fc.record({ reset: fc.constant(true), when: struck }),
      fc.record({ hang: fc.constant(true), when: struck }),
      fc.record({
        error: fc.record({ status: fc.constantFrom(401, 408, 409, 429, 500, 503, 504) }),
        when: struck,
      }),
      fc.record({ latencyMs: fc.integer({ min: 1, max: 9_000 }) }),
      fc.record({ freeze: fc.constant(true) }),
      fc.record({ cutAfterEvents: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ duplicate: fc.constant(true) }),
      fc.record({ eventDelayMs: fc.integer({ min: 1, max: 20_000 }) }),
    ),
    user: fc.option(
      who.map((index) => `e${index}`),
      { nil: undefined },
    ),
    verb: fc.constantFrom('get', 'create', 'update', 'watch', undefined),
    times: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    probability: fc.option(probability, { nil: undefined }),
  })
  .map(({ effect, ...match }) => {
    const given = Object.entries(match).filter(([, value]) => value !== undefined);
    return { ...Object.fromEntries(given), ...effect };
  });

const everyday: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 30_000 })),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('start' as const), who }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('crash', 'finish', 'cancel', 'cut', 'mend', 'suspend', 'resume', 'stop'),
      who,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('continue' as const), who, readFirst: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('set-wall' as const),
      who,
      offsetMs: fc.integer({ min: -(10 ** 10), max: 10 ** 10 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('break' as const), rule }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('cut-watches', 'relabel', 'clear') }),
  },
);

const deletion: fc.Arbitrary<Action> = fc.record({ do: fc.constant('delete' as const) });

/** One process that competes, again and again, and what it believes. */
class Elector {
  readonly process: LeaseProcess;
  readonly identity: string;
  leadership: LeaseLeadership | undefined;
  /** Work of its, that goes on until it is told to finish or its signal aborts. */
  finish: () => void = () => undefined;
  readonly stop = new AbortController();
  suspendedSinceMs: number | undefined;
  /** Until when it may lead beside another: its Lease was deleted under it. */
  excusedUntilMs = 0;

  constructor(process: LeaseProcess, identity: string) {
    this.process = process;
    this.identity = identity;
  }

  /** Whether it leads, proven, as far as it could tell if it ran. A sleeping machine asks nothing. */
  get isValid(): boolean {
    const { process, leadership, suspendedSinceMs } = this;
    if (!process.isAlive || suspendedSinceMs !== undefined) return false;
    return (leadership?.remainingMs() ?? 0) > 0;
  }
}

class World {
  readonly simulation: Simulation;
  readonly failures: unknown[] = [];
  readonly #clocks: readonly ClockOptions[];
  readonly #electors: (Elector | undefined)[] = [];
  #lives = 0;
  /** Those whose call has settled a moment ago. */
  readonly #ended: LeaseProcess[] = [];
  #lastToken = 0n;
  #lateness: readonly number[];

  constructor(
    simulation: Simulation,
    clocks: readonly ClockOptions[],
    lateness: readonly number[],
  ) {
    this.simulation = simulation;
    this.#clocks = clocks;
    this.#lateness = lateness;
  }

  get leaders(): Elector[] {
    return this.#electors.filter((elector) => elector?.isValid) as Elector[];
  }

  async act(action: Action): Promise<void> {
    const { cluster } = this.simulation;
    switch (action.do) {
      case 'start':
        this.start(action.who);
        return;
      case 'pass':
        return this.pass(action.ms);
      case 'break':
        cluster.faults.add(action.rule);
        return;
      case 'clear':
        cluster.faults.clear();
        return;
      case 'cut-watches':
        cluster.faults.cutWatches();
        return;
      case 'relabel':
        this.#request('PATCH', {
          metadata: { labels: { touched: String(this.simulation.clock.now()) } },
        });
        return;
      case 'delete':
        this.#excuse();
        this.#request('DELETE');
        return;
      default:
        return this.#happen(action, this.#electors[action.who]);
    }
  }

  async #happen(
    action: Extract<Action, { readonly who: number }>,
    elector: Elector | undefined,
  ): Promise<void> {
    if (!elector) return;
    const { process } = elector;
    switch (action.do) {
      case 'crash':
        process.kill();
        this.#electors[action.who] = undefined;
        return;
      case 'finish':
        if (!process.clock.isStopped) elector.finish();
        return;
      case 'cancel':
        if (!process.clock.isStopped) elector.stop.abort(new Error('cancelled'));
        return;
      case 'cut':
        process.line.cut();
        return;
      case 'mend':
        process.line.mend();
        return;
      case 'suspend':
        elector.suspendedSinceMs ??= this.simulation.clock.now();
        process.suspend();
        return;
      case 'resume':
        return this.#resume(elector);
      case 'stop':
        process.stop();
        return;
      case 'continue':
        await process.continue(action);
        return;
      case 'set-wall':
        process.clock.setWall(action.offsetMs);
        return;
      default:
    }
  }

  start(index: number): void {
    if (this.#electors[index]) return;
    this.#lives += 1;
    const process = new LeaseProcess(this.simulation, `e${index}`, this.#clocks[index]);
    const identity = `e${index}-${this.#lives}`;
    const elector = new Elector(process, identity);
    this.#electors[index] = elector;
    process.line.mishap = () => this.#mishap();
    const options = {
      identity,
      signal: elector.stop.signal,
      recampaign: this.#lives % 2 === 0,
    };
    process
      .lead((leadership) => this.#work(elector, leadership), options)
      .catch(() => undefined)
      .finally(() => {
        elector.leadership = undefined;
        if (this.#electors[index] === elector) this.#electors[index] = undefined;
        this.#ended.push(process);
      });
  }

  /** Lets time pass; after whatever happened in it, there must not be two leaders. */
  async pass(ms: number): Promise<void> {
    const { clock } = this.simulation;
    let isOver = false;
    clock.after(ms, () => {
      isOver = true;
    });
    await clock.runUntil(() => {
      this.#check();
      return isOver || this.failures.length > 0;
    }, ms + 1);
  }

  /** From now on everybody is well. */
  async mend(): Promise<void> {
    this.simulation.cluster.faults.clear();
    this.#lateness = [0];
    for (const elector of this.#electors) {
      if (!elector) continue;
      elector.process.line.mend();
      await this.#resume(elector);
      await elector.process.continue();
    }
  }

  #work(elector: Elector, leadership: LeaseLeadership): Promise<void> {
    elector.leadership = leadership;
    const token = BigInt(leadership.fencingToken);
    if (token <= this.#lastToken && !this.#isExcused(elector))
      this.failures.push(`${token} is not above ${this.#lastToken}`);
    if (token > this.#lastToken) this.#lastToken = token;
    this.#checkLeaders();
    return new Promise((resolve) => {
      let cancel: () => void = () => undefined;
      elector.finish = () => {
        cancel();
        resolve();
      };
      // Most heed the signal, some take their time.
      const slownessMs = this.#lives % 3 === 0 ? 4_000 : 0;
      const { clock } = elector.process;
      leadership.signal.addEventListener('abort', () => {
        const { code } = leadership.signal.reason as { readonly code?: string };
        if (code !== 'ERR_RELEASED') cancel = clock.after(slownessMs, resolve);
      });
    });
  }

  #check(): void {
    for (const process of this.#ended.splice(0)) {
      const { timers, requests } = process.remains;
      if (!process.isAlive || timers + requests === 0) continue;
      this.failures.push(`${process.name} leaves ${timers} timers and ${requests} requests`);
    }
    this.#checkLeaders();
  }

  #checkLeaders(): void {
    const leaders = this.leaders.filter((elector) => !this.#isExcused(elector));
    if (leaders.length < 2) return;
    const names = leaders.map(({ process, leadership }) => {
      return `${process.name} for ${leadership?.remainingMs() ?? 0} ms`;
    });
    this.failures.push(`two leaders: ${names.join(', ')}`);
  }

  /** A sleep that is too short to be noticed is made longer. */
  async #resume(elector: Elector): Promise<void> {
    if (elector.suspendedSinceMs === undefined) return;
    const sleptMs = this.simulation.clock.now() - elector.suspendedSinceMs;
    const { rate = 1 } = this.#clocks[Number(elector.process.name.slice(1))] ?? {};
    if (sleptMs * rate < UNNOTICED_MS) await this.pass(UNNOTICED_MS / rate - sleptMs);
    elector.suspendedSinceMs = undefined;
    elector.process.resume();
  }

  /** Whoever held the Lease when it was deleted may lead on, or begin to, until it has to renew. */
  #excuse(): void {
    const holder = this.simulation.cluster.getLease('lock')?.spec?.holderIdentity;
    for (const elector of this.#electors) {
      if (!elector || (!elector.isValid && elector.identity !== holder)) continue;
      const { rate = 1 } = this.#clocks[Number(elector.process.name.slice(1))] ?? {};
      const untilMs = this.simulation.clock.now() + DURATIONS.renewDeadlineMs / rate;
      elector.excusedUntilMs = untilMs;
    }
  }

  #isExcused({ excusedUntilMs }: Elector): boolean {
    return this.simulation.clock.now() < excusedUntilMs;
  }

  /** Requests may be carried out late, and again. */
  #mishap() {
    const { clock } = this.simulation;
    const draw = () => this.#lateness[Math.floor(clock.random() * this.#lateness.length)] ?? 0;
    const [lateMs, answerMs, againMs] = [draw(), draw() / 4, draw()];
    return { answerMs, ...(lateMs > 0 && { lateMs }), ...(againMs > 0 && { againMs }) };
  }

  #request(method: string, body?: unknown): void {
    const path = '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock';
    this.simulation.cluster.request(method, path, body, 'application/merge-patch+json');
  }
}

async function play(
  seed: number,
  differing: readonly ClockOptions[],
  lateness: readonly number[],
  actions: readonly Action[],
): Promise<void> {
  const simulation = await Simulation.create({ seed });
  const world = new World(simulation, differing, lateness);
  const onRejection = (reason: unknown) => world.failures.push(reason);
  process.on('unhandledRejection', onRejection);
  try {
    for (let index = 0; index < ELECTORS - 1; index += 1) world.start(index);
    await world.pass(5_000);
    for (const action of actions) {
      await world.act(action);
      await world.pass(0);
      expect(world.failures).toEqual([]);
    }
    await world.mend();
    // Whoever has ended starts again, and somebody leads within a few Leases' durations.
    for (let round = 0; round < 12 && world.leaders.length !== 1; round += 1) {
      for (let index = 0; index < ELECTORS; index += 1) world.start(index);
      await world.pass(10_000);
    }
    expect(world.failures).toEqual([]);
    expect(world.leaders).toHaveLength(1);
  } finally {
    process.off('unhandledRejection', onRejection);
    await simulation.cluster.close();
  }
}

/** Some requests are late; most are not. */
const lateness = fc.oneof(
  { weight: 2, arbitrary: fc.constant([0]) },
  {
    weight: 2,
    arbitrary: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20_000 })), {
      minLength: 4,
      maxLength: 8,
    }),
  },
);

const numRuns = Number(process.env['PROPERTY_RUNS'] ?? 150);

async function holds(action: fc.Arbitrary<Action>): Promise<void> {
  const seed = fc.integer({ min: 1, max: 2 ** 31 - 1 });
  const actions = fc.array(action, { minLength: 5, maxLength: 50 });
  await fc.assert(fc.asyncProperty(seed, clocks, lateness, actions, play), { numRuns });
}

describe('there are never two leaders, always one in the end, and tokens grow', () => {
  test('whatever happens, except that somebody deletes the Lease', async () => {
    await holds(everyday);
  }, 600_000);

  test('except a deleted Lease’s leader, until it has to renew', async () => {
    await holds(fc.oneof({ weight: 30, arbitrary: everyday }, { weight: 1, arbitrary: deletion }));
  }, 600_000);
});
