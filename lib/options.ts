/** The options that several functions share, and their checks. */
import {
  type Check,
  checkBoolean,
  checkCallback,
  checkCount,
  checkDuration,
  checkKubeConfigType,
  checkLabels,
  checkMetrics,
  checkNamespace,
} from './checks.ts';
import type { EventListener } from './events/event.ts';
import type { LeaderMetrics } from './events/metrics.ts';
import type { WaitingState } from './events/waiting.ts';
import type { KubeConfigLike } from './kubernetes/kube-config.ts';
import { type PodOptions, podChecks } from './pod-options.ts';

/** Where a lock is, and how to reach it. */
export interface PlaceOptions {
  /**
   * Namespace of the lock or Lease.
   * @default `POD_NAMESPACE`, else the service account's, else that of the kubeConfig's context
   */
  readonly namespace?: string | undefined;
  /**
   * How to reach the API server. If given, it is used inside and outside a cluster.
   * @default the Pod's service account. Outside a Pod there is no election, and nothing to observe
   */
  readonly kubeConfig?: KubeConfigLike | undefined;
}

/** Labels and annotations of a lock. */
export interface LabelOptions {
  /** Labels for the ConfigMap or Lease. Every write of a Lease sets them, and keeps others. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Annotations for the ConfigMap or Lease. Every write of a Lease sets them, and keeps others. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Options of every form of election. */
export interface ElectionSettings extends PodOptions {
  /**
   * Whether to hold an election. If false, this process leads at once, with `skipped: true`.
   * @default true
   */
  readonly enabled?: boolean | undefined;
  /**
   * Milliseconds to wait before leading for the first time. Then the call rejects with
   * `ERR_TIMEOUT`, whose message says who holds the lock and why it is not free.
   * @default no limit
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Called while waiting, whenever the reason why the lock is not free changes. If it throws, there
   * is a process warning, and the election goes on.
   */
  readonly onWaiting?: ((state: WaitingState) => void) | undefined;
  /**
   * Called with every event of this election, for logs: see `docs/events.md`. If it throws, there
   * is a process warning, and the election goes on.
   */
  readonly onEvent?: EventListener | undefined;
  /**
   * Whether this process can do the leader's work. Called every `healthyPeriodMs`, while waiting and
   * while leading. A candidate takes a free lock only after a check that passed. A leader steps down
   * after `healthyFailureThreshold` failures in a row. A check fails if it returns anything but true,
   * throws, or takes longer than `healthyTimeoutMs`; then its signal aborts.
   * @default no check
   */
  readonly healthy?: ((signal: AbortSignal) => boolean | Promise<boolean>) | undefined;
  /**
   * Milliseconds from the end of a health check to the next one.
   * @default 2_000
   */
  readonly healthyPeriodMs?: number | undefined;
  /**
   * Milliseconds that a health check may take.
   * @default 1_000
   */
  readonly healthyTimeoutMs?: number | undefined;
  /**
   * Number of failures in a row after which a leader steps down.
   * @default 3
   */
  readonly healthyFailureThreshold?: number | undefined;
  /** Receives the metrics, under the name of the lock or elector. */
  readonly metrics?: LeaderMetrics | undefined;
  /**
   * Whether to record a Kubernetes Event for each change of leader. Needs the right to create
   * Events.
   * @default false
   */
  readonly events?: boolean | undefined;
}

type Checks<T> = Readonly<Record<keyof T, Check>>;

export const placeChecks: Checks<PlaceOptions> = {
  namespace: checkNamespace,
  kubeConfig: checkKubeConfigType,
};

export const labelChecks: Checks<Pick<LabelOptions, 'labels'>> = { labels: checkLabels };

export const electionChecks: Checks<ElectionSettings> = {
  enabled: checkBoolean,
  timeoutMs: checkDuration,
  onWaiting: checkCallback,
  onEvent: checkCallback,
  healthy: checkCallback,
  healthyPeriodMs: checkDuration,
  healthyTimeoutMs: checkDuration,
  healthyFailureThreshold: checkCount,
  metrics: checkMetrics,
  events: checkBoolean,
  ...podChecks,
};
