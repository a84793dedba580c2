/** The options that several functions share: what they mean, and how they are checked. */
import {
  type Check,
  checkBoolean,
  checkCallback,
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

/** Where a lock is, and how to reach it. */
export interface PlaceOptions {
  /**
   * Where the lock or Lease is.
   * @default `POD_NAMESPACE`, else that of the service account, else that of the kubeConfig's context
   */
  readonly namespace?: string | undefined;
  /**
   * How to reach the API server. If given, it is used wherever the process runs.
   * @default the Pod's service account; outside a Pod there is no election, and nothing to observe
   */
  readonly kubeConfig?: KubeConfigLike | undefined;
}

/** What is written on a lock besides. */
export interface LabelOptions {
  /** Labels for the ConfigMap or Lease. A Lease gets them with every write, and keeps others. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Annotations for the ConfigMap or Lease. A Lease gets them with every write, and keeps others. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** What every form of election can be told. */
export interface ElectionSettings {
  /**
   * Whether there is an election at all: without, it leads at once, with `skipped: true`.
   * @default true
   */
  readonly enabled?: boolean | undefined;
  /**
   * How long to wait to lead for the first time, in milliseconds, before this rejects with `ERR_TIMEOUT`, which
   * says who holds the lock and why it is not free.
   * @default no limit
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Called on every change of why the lock cannot be had. What it throws is reported as a warning of the
   * process and changes nothing.
   */
  readonly onWaiting?: ((state: WaitingState) => void) | undefined;
  /**
   * Called with everything that this election has to tell, for logs: see `docs/events.md`. What it throws
   * is reported as a warning of the process and changes nothing.
   */
  readonly onEvent?: EventListener | undefined;
  /** Where the figures go, under the name of the lock or elector. */
  readonly metrics?: LeaderMetrics | undefined;
  /**
   * Whether to record a Kubernetes Event for each change of leader, which needs the right to create them.
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
  metrics: checkMetrics,
  events: checkBoolean,
};
