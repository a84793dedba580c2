import {
  type Check,
  annotationsExcept,
  checkBoolean,
  checkCallback,
  checkDuration,
  checkKubeConfigType,
  checkLockName,
  checkNamespace,
  checkLabels,
  checkMetrics,
  checkProperties,
  checkSignal,
  matching,
} from '../checks.ts';
import { reservedAnnotations } from '../kubernetes/config-map-lock.ts';
import type { EventListener } from '../events/event.ts';
import type { LeaderMetrics } from '../events/metrics.ts';
import type { WaitingState } from '../events/waiting.ts';
import type { KubeConfigLike } from '../kubernetes/kube-config.ts';
import { isDnsSubdomain, isUid } from '../kubernetes/names.ts';

/** What `become` can be told. Everything has a default that suits a Pod. */
export interface BecomeOptions {
  /**
   * Where the lock is: the namespace of the Pod.
   * @default `POD_NAMESPACE`, else that of the service account, else that of the kubeConfig's context
   */
  readonly namespace?: string | undefined;
  /**
   * This Pod's name.
   * @default `POD_NAME`, from the downward API (`metadata.name`)
   */
  readonly podName?: string | undefined;
  /**
   * This Pod's UID. Where it is known, the uncontested call takes one round trip instead of two. It is
   * verified if the Role allows reading Pods; if not, one from `POD_UID` is refused, and one given here is
   * trusted.
   * @default `POD_UID`, from the downward API (`metadata.uid`), else read from the API
   */
  readonly podUid?: string | undefined;
  /**
   * How to reach the API server. If given, there is an election wherever the process runs.
   * @default the Pod's service account; without one, no election (see `Leadership.skipped`)
   */
  readonly kubeConfig?: KubeConfigLike | undefined;
  /**
   * Ends the wait: `become` rejects with the signal's reason. It does so at once, unless a create may have
   * won: then that lock is taken back first, within 10 s, and what may be left behind is told in a warning.
   * After `become` resolved, the signal means nothing to it.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long to wait to lead, in milliseconds, before `become` rejects with `ERR_TIMEOUT`, which
   * says who holds the lock and why it is not free.
   * @default no limit
   */
  readonly timeoutMs?: number | undefined;
  /**
   * The longest pause, in milliseconds, between looks at a lock that cannot be watched, and between
   * tries of a request that fails.
   * @default 16_000
   */
  readonly maxBackoffMs?: number | undefined;
  /** Labels for the ConfigMap. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Annotations for the ConfigMap. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * Keep one watch after winning, so that `leadership.signal` aborts if the lock is deleted or
   * taken over by hand.
   * @default false
   */
  readonly guard?: boolean | undefined;
  /**
   * DANGEROUS: delete the holder's Pod by force once this candidate has seen its node not ready
   * for this many milliseconds. The holder's process may still run there, so there may be two
   * leaders. Needs the right to read nodes and to delete Pods.
   * @default never
   */
  readonly takeOverFromNotReadyNodeAfterMs?: number | undefined;
  /**
   * Called on every change of why the lock cannot be had. What it throws is reported as a warning
   * of the process and changes nothing.
   */
  readonly onWaiting?: ((state: WaitingState) => void) | undefined;
  /**
   * Called with everything that this election has to tell, for logs: see `docs/events.md`. What it throws
   * is reported as a warning of the process and changes nothing.
   */
  readonly onEvent?: EventListener | undefined;
  /**
   * Whether there is an election at all: without, `become` resolves at once, with `skipped: true`.
   * @default true
   */
  readonly enabled?: boolean | undefined;
  /** Where the figures go, under the lock's name. */
  readonly metrics?: LeaderMetrics | undefined;
  /**
   * Whether to record a Kubernetes Event for each change of leader, which needs the right to create them.
   * @default false
   */
  readonly events?: boolean | undefined;
}

/** The options with everything checked and every default that needs no environment. */
export type CheckedOptions = BecomeOptions & { readonly maxBackoffMs: number };

const DEFAULT_MAX_BACKOFF_MS = 16_000;

/** Throws a TypeError that names the first bad option and its value. */
export function checkOptions(lockName: unknown, options: unknown): CheckedOptions {
  checkLockName('lockName', lockName);
  const checked = checkProperties('options', options, checks) as BecomeOptions;
  return { ...checked, maxBackoffMs: checked.maxBackoffMs ?? DEFAULT_MAX_BACKOFF_MS };
}

const checks: Readonly<Record<keyof BecomeOptions, Check>> = {
  namespace: checkNamespace,
  podName: matching(isDnsSubdomain, "a Pod's name, a DNS subdomain (RFC 1123)"),
  podUid: matching(isUid, "a Pod's UID"),
  kubeConfig: checkKubeConfigType,
  signal: checkSignal,
  timeoutMs: checkDuration,
  maxBackoffMs: checkDuration,
  labels: checkLabels,
  annotations: annotationsExcept(reservedAnnotations),
  guard: checkBoolean,
  takeOverFromNotReadyNodeAfterMs: checkDuration,
  onWaiting: checkCallback,
  onEvent: checkCallback,
  enabled: checkBoolean,
  metrics: checkMetrics,
  events: checkBoolean,
};
