/** The API server answers in every way but the right one: no two lead, and it heals. */
import { inspect } from 'node:util';

import fc from 'fast-check';
import { expect } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { LeaderElectionError } from '../../lib/errors.ts';
import type { Leadership, LeaseLeadership, WaitingState } from '../../lib/index.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';
import { DURATIONS, untilAborted } from '../lease/simulation.ts';
import { MutatingTransport, type Plan, answered, damagedBy, plan } from './mutating-transport.ts';
import { property } from './runs.ts';
import { Witness, expectHarmless } from './witness.ts';

const HOUR_MS = 3_600_000;
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const given = { kubeConfig, namespace: 'default' };

/** A simulation in which the API server has gone mad for one process, and may come to its senses. */
class Trial {
  readonly simulation: Simulation;
  readonly witness: Witness;
  readonly platform: SimulatedSurroundings;
  readonly stop = new AbortController();
  readonly #transports: MutatingTransport[] = [];
  /** What the last call has rejected with. */
  error: unknown;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(simulation: Simulation, witness: Witness, what: Plan) {
    this.simulation = simulation;
    this.witness = witness;
    this.platform = new SimulatedSurroundings(simulation, 'mine', undefined, (transport) => {
      // A second connection, after a call that failed, finds everything in order.
      const mutating = new MutatingTransport(transport, 'mine', what);
      if (this.#transports.length > 0) mutating.heal();
      this.#transports.push(mutating);
      return mutating;
    });
  }

  /** Plays, then checks that nothing is left open and that no text does any harm. */
  static async play(seed: number, what: Plan, act: (trial: Trial) => Promise<void>): Promise<void> {
    using witness = new Witness();
    const simulation = await Simulation.create({ seed });
    const { cluster, warnings } = simulation;
    try {
      for (const name of ['mine', 'other']) cluster.createPod(name);
      const trial = new Trial(simulation, witness, what);
      await act(trial);
      trial.stop.abort();
      await simulation.settled(trial.#running);
      expect(simulation.open).toBe(0);
      const { items } = cluster.request('GET', '/api/v1/namespaces/default/events').body as {
        readonly items: readonly { readonly message: string }[];
      };
      const events = items.map(({ message }) => message);
      expectHarmless([...witness.lines, ...events], { lines: false });
      const texts = warnings.map(({ message }) => message);
      expectHarmless(texts, { lines: true });
    } finally {
      await cluster.close();
    }
  }

  /** Whether an object was said to have another UID than it has. */
  get wasLiedTo(): boolean {
    return this.#transports.some(({ hasLied }) => hasLied);
  }

  heal(): void {
    for (const transport of this.#transports) transport.heal();
  }

  run(call: () => Promise<unknown>): void {
    this.error = undefined;
    this.#running = call().catch((error: unknown) => (this.error = error));
  }

  /** Waits until it is so; calls again, up to twice, when a call rejects, with a typed error only. */
  async reach(isSo: () => boolean, call: () => Promise<unknown>, maxMs = HOUR_MS): Promise<void> {
    for (let tries = 0; !isSo() && tries < 3; tries += 1) {
      if (this.error !== undefined) {
        expectElectionError(this.error);
        this.run(call);
      }
      await this.simulation.clock.runUntil(() => isSo() || this.error !== undefined, maxMs);
    }
    expect(this.error).toBeUndefined();
    expect(isSo()).toBe(true);
  }
}

/** A call rejects with nothing else; harmless with its causes, and what they keep of the answer. */
function expectElectionError(error: unknown): void {
  expect(error).toBeInstanceOf(LeaderElectionError);
  expectHarmless([String(error), inspect(error)], { lines: true });
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });

/** What the lock is like when the candidate comes. */
type Situation = 'free' | 'held' | 'finished' | 'deleted' | 'released' | 'foreign';
const situation = fc.constantFrom<Situation[]>(
  ...(['free', 'held', 'finished', 'deleted', 'released', 'foreign'] as const),
);

/** What was found and mended. */
const foundInLife: [number, Plan, Situation, boolean, boolean][] = [
  // Led by the word of an answer to its create that named nobody, and released nothing.
  ...(['no holder', 'long names', 'another holder'] as const).map(
    (what): [number, Plan, Situation, boolean, boolean] => [
      ...([1, answered(damagedBy({ do: 'become', what })), 'free', true, false] as const),
    ],
  ),
  // Took an object of another name for its own Pod.
  [1, answered(damagedBy({ do: 'become', what: 'no holder' })), 'free', false, false],
  // Went on asking for the holder, over a new connection, after its look had failed.
  [
    1,
    answered(
      ...[undefined, undefined, undefined, { status: 404 }, undefined, { status: 0 }, undefined],
      damagedBy({ do: 'truncate', at: 0 }),
    ),
    ...(['held', false, false] as const),
  ],
  // Waited for days for all the others: there were said to be two thousand million of them.
  [
    1,
    {
      ...answered(undefined, undefined, undefined, {
        changes: { edits: [{ at: 924, do: 'replace', by: '2147483648' }], damage: undefined },
      }),
      frames: ['{"type":"ERROR","object":{"kind":"Status","code":410}}'],
    },
    ...(['released', false, false] as const),
  ],
];

property(
  'LIFE-2: become, whatever is answered: the lock names the leader, and in the end it leads',
  1_500,
  [seeds, plan, situation, fc.boolean(), fc.boolean()],
  (seed, what, where, knowsUid, guard) =>
    Trial.play(seed, what, async (trial) => {
      const { simulation, platform, witness, stop } = trial;
      const { cluster, clock } = simulation;
      const { podUid } = simulation.process('mine');
      if (where === 'foreign') cluster.createConfigMap('lock', { data: { a: 'b' } });
      const isFree = where === 'free' || where === 'foreign';
      const other = isFree ? undefined : await simulation.lead('other');
      let mine: Leadership | undefined;
      const holderUid = () => simulation.lock?.metadata.ownerReferences?.[0]?.uid;
      const call = async () => {
        const leadership = await becomeOn(platform, 'lock', {
          ...given,
          podName: 'mine',
          guard,
          signal: stop.signal,
          takeOverFromNotReadyNodeAfterMs: 60_000,
          onWaiting: ({ message }: WaitingState) => witness.lines.push(message),
          ...(knowsUid && { podUid }),
        });
        mine = leadership;
        expect(leadership.podUid).toBe(holderUid());
      };
      trial.run(call);
      await clock.advance(20_000);
      if (where === 'finished') cluster.finishPod('other', 'Succeeded');
      if (where === 'deleted') cluster.deletePod('other');
      if (where === 'released') await simulation.settled(other?.release() ?? Promise.resolve());
      await clock.advance(40_000);
      if (where === 'held' && !mine) expect(holderUid()).not.toBe(podUid);
      trial.heal();
      if (cluster.getPod('other')) cluster.deletePod('other');
      // A foreign lock is the user's to remove.
      if (where === 'foreign' && simulation.lock) cluster.deleteConfigMap('lock');
      await trial.reach(() => mine !== undefined, call);
      // Without its UID, it has to believe what is answered.
      if (knowsUid) expect(mine).toMatchObject({ podName: 'mine', podUid });
      await simulation.settled(mine?.release() ?? Promise.resolve());
      // It does not know its own lock if that is said to be another.
      if (!trial.wasLiedTo) expect(simulation.lock).toBeUndefined();
    }),
  foundInLife,
);

property(
  'LEASE-1: lead, whatever is answered: leadership is proven only while the Lease names the leader',
  800,
  [seeds, plan, fc.constantFrom('free', 'held', 'stopped'), fc.boolean()],
  (seed, what, where, events) =>
    Trial.play(seed, what, async (trial) => {
      const { simulation, platform, stop } = trial;
      const { cluster, clock } = simulation;
      const rival = new SimulatedSurroundings(simulation, 'rival');
      const stopRival = new AbortController();
      let rivalLeads: Promise<unknown> = Promise.resolve();
      if (where !== 'free') {
        const { promise: started, resolve: start } = Promise.withResolvers<undefined>();
        const work = (leadership: LeaseLeadership) => {
          start(undefined);
          return untilAborted(leadership);
        };
        const own = { identity: 'rival', signal: stopRival.signal };
        rivalLeads = leadOn(rival, 'lock', work, { ...given, ...DURATIONS, ...own });
        rivalLeads.catch(() => undefined);
        await simulation.settled(started);
      }
      const terms: LeaseLeadership[] = [];
      const work = (leadership: LeaseLeadership) => {
        terms.push(leadership);
        return untilAborted(leadership);
      };
      const own = { identity: 'mine', events, recampaign: true, signal: stop.signal };
      const call = () => leadOn(platform, 'lock', work, { ...given, ...DURATIONS, ...own });
      const holder = () => cluster.getLease('lock')?.spec?.holderIdentity;
      let namedAtMs = Number.NEGATIVE_INFINITY;
      /** Asked whenever everything has settled: whether leadership is proven, which then is true. */
      const isLeading = () => {
        if (holder() === 'mine') namedAtMs = clock.now();
        const term = terms.at(-1);
        const isProven = term !== undefined && !term.signal.aborted && term.remainingMs() > 0;
        if (isProven) {
          expect(clock.now() - namedAtMs).toBeLessThanOrEqual(DURATIONS.renewDeadlineMs);
        }
        return isProven;
      };
      const pass = async (ms: number) => {
        const untilMs = clock.now() + ms;
        clock.after(ms, () => undefined);
        await clock.runUntil(() => {
          isLeading();
          return clock.now() >= untilMs;
        });
      };
      trial.run(call);
      await pass(20_000);
      if (where === 'stopped') rival.kill();
      await pass(60_000);
      trial.heal();
      if (where === 'held') {
        stopRival.abort();
        await simulation.settled(rivalLeads.catch(() => undefined));
      }
      await trial.reach(isLeading, call);
      expect(holder()).toBe('mine');
      stop.abort();
      await clock.runUntil(() => holder() === '');
      expect(terms.at(-1)?.signal.aborted).toBe(true);
      for (const { signal } of terms) expectHarmless([String(signal.reason)], { lines: true });
      stopRival.abort();
      await simulation.settled(rivalLeads.catch(() => undefined));
    }),
);

property<[number, Plan, 'Lease' | 'ConfigMap']>(
  'observeLease and observeLock, whatever is answered: yield the holder in the end',
  500,
  [seeds, plan, fc.constantFrom('Lease', 'ConfigMap')],
  (seed, what, kind) =>
    Trial.play(seed, what, async (trial) => {
      const { simulation, platform, stop } = trial;
      const { cluster, clock } = simulation;
      const options = { ...given, signal: stop.signal };
      let seen: string | null | undefined;
      const call = async () => {
        const observe = kind === 'Lease' ? observeLeaseIn : observeLockIn;
        for await (const holder of observe(platform, 'lock', options)) {
          seen = holder === null ? null : holder.identity;
        }
      };
      trial.run(call);
      await clock.advance(10_000);
      const leadership = kind === 'ConfigMap' ? await simulation.lead('other') : undefined;
      if (kind === 'Lease') {
        const spec = { holderIdentity: 'other', leaseDurationSeconds: 15 };
        cluster.request('POST', LEASES, { metadata: { name: 'lock' }, spec });
      }
      await clock.advance(60_000);
      trial.heal();
      // A version that is said to be later than any is believed until the watch is opened anew.
      await trial.reach(() => seen === 'other', call, 2 * HOUR_MS);
      await (leadership && simulation.settled(leadership.release()));
      if (kind === 'Lease') cluster.request('DELETE', `${LEASES}/lock`);
      await trial.reach(() => seen === null, call, 2 * HOUR_MS);
    }),
  // Went on watching, for ever, after the loop had thrown.
  [[1, answered({ status: 0 }, undefined), 'Lease']],
);
