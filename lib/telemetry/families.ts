import type { ElectionEvent } from '../events/event.ts';
import type { Election } from './election.ts';

/** Names and values of labels. */
export type Labels = Readonly<Record<string, string>>;

interface FamilyBase {
  /** In Prometheus. */
  readonly name: string;
  /** In OpenTelemetry. An exporter for Prometheus makes `name` of it. */
  readonly meterName: string;
  readonly help: string;
  /** Whether `name` is the only label, as in client-go. */
  readonly isOriginal?: boolean;
}

/** A value that is computed when it is asked for. */
export interface GaugeFamily extends FamilyBase {
  readonly type: 'gauge';
  readonly unit: '' | 's';
  /** Of several elections with the same labels, this one's value counts. */
  readonly pick: (...values: number[]) => number;
  readonly read: (
    election: Election,
  ) => readonly { readonly own?: Labels; readonly value: number }[];
}

/** Counts events. */
export interface CounterFamily extends FamilyBase {
  readonly type: 'counter';
  /** The family's own labels if the event counts. `isNewLeader`: see `Election.note`. */
  readonly count: (event: ElectionEvent, isNewLeader: boolean) => Labels | undefined;
  /** The own labels of what counts as 0 from the start of an election. */
  readonly initial: Labels | undefined;
}

/** Collects durations. */
export interface HistogramFamily extends FamilyBase {
  readonly type: 'histogram';
  readonly unit: 's';
  /** Upper bounds in seconds. */
  readonly buckets: readonly number[];
  /** Whether there are counts of 0 from the start of an election: many processes lead only once. */
  readonly isInitial: boolean;
  /** Seconds, if the event has such a duration. */
  readonly measure: (event: ElectionEvent) => number | undefined;
}

export type Family = GaugeFamily | CounterFamily | HistogramFamily;

/** The code of an error; without one, what kind of failure it is. */
export function codeOf(error: unknown): string {
  const { code, status, name } = Object(error) as Readonly<Record<string, unknown>>;
  if (typeof code === 'string') return code;
  if (typeof status === 'number') return `HTTP_${status}`;
  return typeof name === 'string' ? name : 'unknown';
}

/** Every metric of an election. */
export const families: readonly Family[] = [
  {
    type: 'gauge',
    name: 'leader_election_master_status',
    meterName: 'leader_election.master_status',
    unit: '',
    help: 'Whether this process leads (1) or not (0).',
    isOriginal: true,
    pick: Math.max,
    read: ({ leads }) => [{ value: leads ? 1 : 0 }],
  },
  {
    type: 'counter',
    name: 'leader_election_slowpath_total',
    meterName: 'leader_election.slowpath',
    help: 'Renewals that had to read the Lease first.',
    isOriginal: true,
    count: ({ type }) => (type === 'slow-path' ? {} : undefined),
    initial: {},
  },
  {
    type: 'counter',
    name: 'leader_for_life_transitions_total',
    meterName: 'leader_for_life.transitions',
    help: 'Changes of the leader that this process has seen.',
    count: (_, isNewLeader) => (isNewLeader ? {} : undefined),
    initial: {},
  },
  {
    type: 'counter',
    name: 'leader_for_life_losses_total',
    meterName: 'leader_for_life.losses',
    help: 'Times that this process lost leadership.',
    count: (event) => (event.type === 'lost' ? { code: codeOf(event.error) } : undefined),
    initial: { code: 'ERR_LEADERSHIP_LOST' },
  },
  {
    type: 'gauge',
    name: 'leader_for_life_waiting_since_seconds',
    meterName: 'leader_for_life.waiting_since',
    unit: 's',
    help: 'Unix time since which this process has waited for the reason. Missing while it leads.',
    pick: Math.min,
    read: ({ waiting }) =>
      waiting ? [{ own: { reason: waiting.reason }, value: waiting.since.getTime() / 1_000 }] : [],
  },
  {
    type: 'gauge',
    name: 'leader_for_life_remaining_seconds',
    meterName: 'leader_for_life.remaining',
    unit: 's',
    help: 'For how long leadership by the Lease is proven. Missing while this process does not lead.',
    pick: Math.max,
    read: ({ remainingMs }) => (remainingMs === undefined ? [] : [{ value: remainingMs / 1_000 }]),
  },
  {
    type: 'histogram',
    name: 'leader_for_life_renew_duration_seconds',
    meterName: 'leader_for_life.renew_duration',
    unit: 's',
    help: 'How long renewals of the Lease took.',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    isInitial: false,
    measure: (event) => (event.type === 'renewed' ? event.latencyMs / 1_000 : undefined),
  },
  {
    type: 'histogram',
    name: 'leader_for_life_takeover_duration_seconds',
    meterName: 'leader_for_life.takeover_duration',
    unit: 's',
    help: 'Time from the last sign of another leader until this process led.',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 60, 300],
    isInitial: true,
    measure: (event) =>
      event.type === 'leading' && event.takeoverMs !== undefined
        ? event.takeoverMs / 1_000
        : undefined,
  },
  {
    type: 'gauge',
    name: 'leader_for_life_degraded',
    meterName: 'leader_for_life.degraded',
    unit: '',
    help: 'Whether the election runs, but something should be fixed. Missing if not.',
    pick: Math.max,
    read: ({ degraded }) => degraded.map((what) => ({ own: { what }, value: 1 })),
  },
  {
    type: 'counter',
    name: 'leader_for_life_errors_total',
    meterName: 'leader_for_life.errors',
    help: 'Failed requests, elections that failed, and work that did not end in time.',
    count: (event) =>
      event.type === 'trouble' || event.type === 'failed' || event.type === 'work-abandoned'
        ? { code: codeOf(event.error) }
        : undefined,
    initial: undefined,
  },
];
