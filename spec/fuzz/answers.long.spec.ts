/** The API server answers in every way but the right one; nobody leads by mistake, and it heals. */
import { inspect } from 'node:util';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { LeaderElectionError } from '../../lib/errors.ts';
import type { Leadership, LeaseLeadership, WaitingState } from '../../lib/index.ts';
import type { Transport } from '../../lib/kubernetes/transport.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';
import { DURATIONS, untilAborted } from '../lease/simulation.ts';
import { MutatingTransport, type Plan, answered, plan } from './mutating-transport.ts';
import { Aftermath, PATIENCE_MS, runs } from './runs.ts';
import { Witness, expectHarmless } from './witness.ts';

const HOUR_MS = 3_600_000;

/** A process whose API server has gone mad, and may come to its senses. */
class Patient {
  readonly platform: SimulatedSurroundings;
  readonly #name: string;
  readonly #plan: Plan;
  readonly #transports: MutatingTransport[] = [];

  constructor(simulation: Simulation, name: string, what: Plan) {
    this.#name = name;
    this.#plan = what;
    this.platform = new SimulatedSurroundings(simulation, name, undefined, (transport) =>
      this.#mutating(transport),
    );
  }

  get wasLiedTo(): boolean {
    return this.#transports.some(({ hasLied }) => hasLied);
  }

  heal(): void {
    for (const transport of this.#transports) transport.heal();
  }

  #mutating(transport: Transport): Transport {
    // A second connection, after a call that failed, finds everything in order.
    const mutating = new MutatingTransport(transport, this.#name, this.#plan);
    if (this.#transports.length > 0) mutating.heal();
    this.#transports.push(mutating);
    return mutating;
  }
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });

/** What the lock is like when the candidate comes. */
const situation = fc.constantFrom('free', 'held', 'finished', 'deleted', 'released', 'foreign');

type Situation = 'free' | 'held' | 'finished' | 'deleted' | 'released' | 'foreign';

/** A call rejects with nothing else. */
function expectTyped(error: unknown): void {
  expect(error).toBeInstanceOf(LeaderElectionError);
  // The latter with its causes, and what of the answer they keep.
  expectHarmless([String(error), inspect(error)], { lines: true });
}

/** What people get to see, whoever wrote it. */
function expectAllHarmless({ cluster, warnings }: Simulation, witness: Witness): void {
  expectHarmless(witness.lines, { lines: false });
  expectHarmless(
    warnings.map(({ message }) => message),
    { lines: true },
  );
  const { items } = cluster.request('GET', '/api/v1/namespaces/default/events').body as {
    readonly items: readonly { readonly message: string }[];
  };
  expectHarmless(
    items.map(({ message }) => message),
    { lines: false },
  );
}

async function becomesLeader(
  seed: number,
  what: Plan,
  where: Situation,
  knowsUid: boolean,
  guard: boolean,
): Promise<void> {
  using aftermath = new Aftermath();
  using witness = new Witness();
  const simulation = await Simulation.create({ seed });
  const { cluster, clock } = simulation;
  try {
    const uid = cluster.createPod('mine').metadata.uid;
    cluster.createPod('other');
    if (where === 'foreign') cluster.createConfigMap('lock', { data: { a: 'b' } });
    const other = where === 'free' || where === 'foreign' ? undefined : await first(simulation);
    const patient = new Patient(simulation, 'mine', what);
    const stop = new AbortController();
    const options = {
      kubeConfig,
      namespace: 'default',
      podName: 'mine',
      guard,
      signal: stop.signal,
      takeOverFromNotReadyNodeAfterMs: 60_000,
      onWaiting: ({ message }: WaitingState) => witness.lines.push(message),
      ...(knowsUid && { podUid: uid }),
    };
    const call = () => {
      const call = { leadership: undefined as Leadership | undefined, error: undefined as unknown };
      becomeOn(patient.platform, 'lock', options)
        .then(
          (leadership) => {
            call.leadership = leadership;
            expect(leadership.podUid).toBe(holderOf(simulation));
          },
          (error: unknown) => {
            call.error = error;
          },
        )
        .catch((error: unknown) => (call.error = error));
      return call;
    };
    let mine = call();
    await clock.advance(20_000);
    if (where === 'finished') cluster.finishPod('other', 'Succeeded');
    if (where === 'deleted') cluster.deletePod('other');
    if (where === 'released') await simulation.settled(other?.release() ?? Promise.resolve());
    await clock.advance(40_000);
    if (where === 'held' && mine.leadership === undefined)
      expect(holderOf(simulation)).not.toBe(uid);
    patient.heal();
    if (cluster.getPod('other')) cluster.deletePod('other');
    // A foreign lock is the user's to remove.
    if (where === 'foreign' && cluster.getConfigMap('lock')) cluster.deleteConfigMap('lock');
    for (let tries = 0; mine.leadership === undefined && tries < 3; tries += 1) {
      await clock.runUntil(
        () => mine.leadership !== undefined || mine.error !== undefined,
        HOUR_MS,
      );
      if (mine.error !== undefined) {
        expectTyped(mine.error);
        mine = call();
      }
    }
    expect(mine.error).toBeUndefined();
    // Who does not know who he is has to believe what he is told.
    if (knowsUid) expect(mine.leadership).toMatchObject({ podName: 'mine', podUid: uid });
    await simulation.settled(mine.leadership?.release() ?? Promise.resolve());
    // Of a lock that is said to be another it does not know that it is its own.
    if (!patient.wasLiedTo) expect(cluster.getConfigMap('lock')).toBeUndefined();
    expect(simulation.open).toBe(0);
    aftermath.check();
    expectAllHarmless(simulation, witness);
  } finally {
    await cluster.close();
  }
}

function holderOf(simulation: Simulation): string | undefined {
  return simulation.cluster.getConfigMap('lock')?.metadata.ownerReferences?.[0]?.uid;
}

function first(simulation: Simulation): Promise<Leadership> {
  return simulation.settled(simulation.become('other'));
}

/** What was found and mended. */
const foundInLife: [number, Plan, Situation, boolean, boolean][] = [
  // Led by the word of an answer to its create that named nobody, and released nothing.
  [1, answered({ damage: { do: 'become', what: 'no holder' } }), 'free', true, false],
  [1, answered({ damage: { do: 'become', what: 'long names' } }), 'free', true, false],
  [1, answered({ damage: { do: 'become', what: 'another holder' } }), 'free', true, false],
  // Took an object of another name for its own Pod.
  [1, answered({ damage: { do: 'become', what: 'no holder' } }), 'free', false, false],
  // Went on asking for the holder, over a new connection, after its look had failed.
  [
    1,
    answered(
      ...[undefined, undefined, undefined, { status: 404 }, undefined, { status: 0 }, undefined],
      { damage: { do: 'truncate', at: 0 } },
    ),
    'held',
    false,
    false,
  ],
  // Waited for days for all the others: there were said to be two thousand million of them.
  [
    1,
    {
      ...answered(...[undefined, undefined, undefined], {
        edits: [{ at: 924, do: 'replace', by: '2147483648' }],
      }),
      frames: ['{"type":"ERROR","object":{"kind":"Status","code":410}}'],
    },
    'released',
    false,
    false,
  ],
];

const foundLookingOn: [number, Plan, 'Lease' | 'ConfigMap'][] = [
  // Went on watching, for ever, after the loop had thrown.
  [1, answered({ status: 0 }, undefined), 'Lease'],
];

describe('whatever the API server answers', () => {
  test(
    'become: the lock names who leads, and the sane find it free in the end',
    async () => {
      await fc.assert(
        fc.asyncProperty(seeds, plan, situation, fc.boolean(), fc.boolean(), becomesLeader),
        { ...runs(1_500), examples: foundInLife },
      );
    },
    PATIENCE_MS,
  );

  test(
    'lead: leadership is proven only while the Lease names the leader',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          seeds,
          plan,
          fc.constantFrom('free', 'held', 'stopped'),
          fc.boolean(),
          leads,
        ),
        runs(800),
      );
    },
    PATIENCE_MS,
  );

  test(
    'observeLease and observeLock: tell the truth in the end',
    async () => {
      await fc.assert(
        fc.asyncProperty(seeds, plan, fc.constantFrom('Lease', 'ConfigMap'), observes),
        { ...runs(500), examples: foundLookingOn },
      );
    },
    PATIENCE_MS,
  );
});

/** Whether the Lease names an elector, and when it last did. */
class Truth {
  readonly #simulation: Simulation;
  #sinceMs = Number.NEGATIVE_INFINITY;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
  }

  /** How long ago, at most, it named him. */
  agoMs(identity: string): number {
    const { cluster, clock } = this.#simulation;
    if (cluster.getLease('lock')?.spec?.holderIdentity === identity) this.#sinceMs = clock.now();
    return clock.now() - this.#sinceMs;
  }
}

async function leads(
  seed: number,
  what: Plan,
  where: 'free' | 'held' | 'stopped',
  events: boolean,
): Promise<void> {
  using aftermath = new Aftermath();
  using witness = new Witness();
  const simulation = await Simulation.create({ seed });
  const { cluster, clock } = simulation;
  const rival = new SimulatedSurroundings(simulation, 'rival');
  const given = { kubeConfig, namespace: 'default', ...DURATIONS };
  const stopRival = new AbortController();
  try {
    let rivalLeads: Promise<unknown> = Promise.resolve();
    if (where !== 'free') {
      const { promise: started, resolve: start } = Promise.withResolvers<undefined>();
      rivalLeads = leadOn(
        rival,
        'lock',
        (leadership) => {
          start(undefined);
          return untilAborted(leadership);
        },
        { ...given, identity: 'rival', signal: stopRival.signal },
      ).catch(() => undefined);
      await simulation.settled(started);
    }
    const patient = new Patient(simulation, 'mine', what);
    const stop = new AbortController();
    const truth = new Truth(simulation);
    const terms: LeaseLeadership[] = [];
    let term: LeaseLeadership | undefined;
    let error: unknown;
    const run = () => {
      error = undefined;
      return leadOn(
        patient.platform,
        'lock',
        (leadership) => {
          term = leadership;
          terms.push(leadership);
          return untilAborted(leadership);
        },
        { ...given, identity: 'mine', events, recampaign: true, signal: stop.signal },
      ).catch((reason: unknown) => (error = reason));
    };
    /** Asked whenever everything has settled. */
    const check = () => {
      const agoMs = truth.agoMs('mine');
      if (term && !term.signal.aborted && term.remainingMs() > 0) {
        expect(agoMs).toBeLessThanOrEqual(DURATIONS.renewDeadlineMs);
      }
    };
    const pass = async (ms: number) => {
      const untilMs = clock.now() + ms;
      clock.after(ms, () => undefined);
      await clock.runUntil(() => {
        check();
        return clock.now() >= untilMs;
      });
    };
    let running = run();
    await pass(20_000);
    if (where === 'stopped') rival.kill();
    await pass(60_000);
    patient.heal();
    if (where === 'held') stopRival.abort();
    if (where === 'held') await simulation.settled(rivalLeads);
    const isLeading = () => term !== undefined && !term.signal.aborted && term.remainingMs() > 0;
    for (let tries = 0; !isLeading() && tries < 3; tries += 1) {
      if (error !== undefined) {
        expectTyped(error);
        running = run();
      }
      await clock.runUntil(() => {
        check();
        return isLeading() || error !== undefined;
      }, HOUR_MS);
    }
    expect(error).toBeUndefined();
    expect(cluster.getLease('lock')?.spec?.holderIdentity).toBe('mine');
    stop.abort();
    await simulation.settled(running);
    expect(term?.signal.aborted).toBe(true);
    for (const { signal } of terms) expectHarmless([String(signal.reason)], { lines: true });
    expect(cluster.getLease('lock')?.spec?.holderIdentity).toBe('');
    stopRival.abort();
    await simulation.settled(rivalLeads);
    expect(simulation.open).toBe(0);
    aftermath.check();
    expectAllHarmless(simulation, witness);
  } finally {
    await cluster.close();
  }
}

async function observes(seed: number, what: Plan, kind: 'Lease' | 'ConfigMap'): Promise<void> {
  using aftermath = new Aftermath();
  using witness = new Witness();
  const simulation = await Simulation.create({ seed });
  const { cluster, clock } = simulation;
  try {
    cluster.createPod('other');
    const patient = new Patient(simulation, 'mine', what);
    const stop = new AbortController();
    const options = { kubeConfig, namespace: 'default', signal: stop.signal };
    let seen: string | null | undefined;
    const follow = async () => {
      const holders =
        kind === 'Lease'
          ? observeLeaseIn(patient.platform, 'lock', options)
          : observeLockIn(patient.platform, 'lock', options);
      for await (const holder of holders) seen = holder === null ? null : holder.identity;
    };
    let error: unknown;
    const run = () => {
      error = undefined;
      return follow().catch((reason: unknown) => (error = reason));
    };
    let running = run();
    await clock.advance(10_000);
    const leadership = kind === 'ConfigMap' ? await first(simulation) : undefined;
    if (kind === 'Lease') {
      cluster.request('POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', {
        metadata: { name: 'lock' },
        spec: { holderIdentity: 'other', leaseDurationSeconds: 15 },
      });
    }
    await clock.advance(60_000);
    patient.heal();
    // A version that is said to be later than any is believed until the watch is opened anew.
    const sees = async (identity: string | null) => {
      for (let tries = 0; seen !== identity && tries < 3; tries += 1) {
        if (error !== undefined) {
          expectTyped(error);
          running = run();
        }
        await clock.runUntil(() => seen === identity || error !== undefined, 2 * HOUR_MS);
      }
      expect(seen).toBe(identity);
    };
    await sees('other');
    await (leadership && simulation.settled(leadership.release()));
    if (kind === 'Lease') {
      cluster.request('DELETE', '/apis/coordination.k8s.io/v1/namespaces/default/leases/lock');
    }
    await sees(null);
    stop.abort();
    await simulation.settled(running);
    expect(simulation.open).toBe(0);
    aftermath.check();
    expectAllHarmless(simulation, witness);
  } finally {
    await cluster.close();
  }
}
