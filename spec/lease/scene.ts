import type { LeaderCallbacks, LeaderElectionConfig, LeadOptions } from '../../lib/lease/config.ts';
import type { LeaseLeadership } from '../../lib/lease/lead.ts';
import { Simulation } from '../life/simulation.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

export const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
export const UPDATES = { verb: 'update', resource: 'leases' } as const;
export const LOST = { code: 'ERR_LEADERSHIP_LOST' };
export const ABANDONED = { code: 'ERR_WORK_ABANDONED' };

/** What a process leaves behind in the end. */
export const nothing = { timers: 0, requests: 0 };
export const enough = new Error('enough');
export const endless = () => new Promise<never>(() => undefined);

/** A cluster in simulated time with two processes, and a hand in the Lease `lock`. */
export async function world(seed = 1) {
  const simulation = await Simulation.create({ seed });
  const { clock, cluster } = simulation;
  const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
  return {
    ...{ simulation, clock, cluster, a, b, faults: cluster.faults },
    spec: () => cluster.getLease('lock')?.spec,
    holder: () => cluster.getLease('lock')?.spec?.holderIdentity,
    codes: () => simulation.warnings.map(({ code }) => code),
    updates: () => cluster.requests.count(UPDATES),
    store: (spec: object = {}) =>
      cluster.request('POST', LEASES, { metadata: { name: 'lock' }, spec }),
    patch: (spec: object) =>
      cluster.request('PATCH', `${LEASES}/lock`, { spec }, 'application/merge-patch+json'),
    sleep: (ms: number) => new Promise<void>((resolve) => clock.after(ms, () => resolve())),
  };
}

/** Process `a` leads, with work that lasts until its signal aborts, unless another is given. */
export async function leading(
  options: LeadOptions = {},
  work: (leadership: LeaseLeadership) => unknown = untilAborted,
) {
  const created = await world();
  const stop = new AbortController();
  const begun = Promise.withResolvers<LeaseLeadership>();
  const outcome = new Outcome(
    created.a.lead(
      (leadership) => {
        begun.resolve(leadership);
        return work(leadership);
      },
      { signal: stop.signal, ...options },
    ),
  );
  const leadership = await created.simulation.settled(begun.promise);
  return { ...created, stop, outcome, leadership };
}

/** Callbacks that write down when they are called, and those in their place. */
export function journal(overrides: Partial<LeaderCallbacks> = {}) {
  const entries: string[] = [];
  const callbacks: LeaderCallbacks = {
    onStartedLeading: async (signal) => {
      entries.push('started');
      await untilAborted({ signal });
      entries.push('aborted');
      await Promise.resolve();
      entries.push('settled');
    },
    onStoppedLeading: () => {
      entries.push('stopped');
    },
    onNewLeader: (identity) => {
      entries.push(`leader ${identity}`);
    },
    ...overrides,
  };
  return { entries, callbacks };
}

/** An elector of process `a` that has begun to lead. */
export async function electing(
  config: Partial<LeaderElectionConfig> = {},
  overrides: Partial<LeaderCallbacks> = {},
) {
  const created = await world();
  const { entries, callbacks } = journal(overrides);
  const elector = created.a.elector({ callbacks, ...config });
  const stop = new AbortController();
  const outcome = new Outcome(elector.run(stop.signal));
  await created.clock.runUntil(() => elector.isLeader());
  return { ...created, entries, elector, stop, outcome };
}
