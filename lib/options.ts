import {
  type Check,
  annotationsExcept,
  checkDuration,
  checkKubeConfigType,
  checkLabels,
  checkProperties,
  checkSignal,
  matching,
  typed,
} from './checks.ts';
import { reservedAnnotations } from './kubernetes/config-map-lock.ts';
import type { KubeConfigLike } from './kubernetes/kube-config.ts';
import { isDnsLabel, isDnsSubdomain } from './kubernetes/names.ts';
import type { WaitingState } from './waiting.ts';

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
   * for so many milliseconds. The holder's process may still run there, so there may be two
   * leaders. Needs the right to read nodes and to delete Pods.
   * @default never
   */
  readonly takeOverFromNotReadyNodeAfterMs?: number | undefined;
  /**
   * Called on every change of why the lock cannot be had. What it throws is reported as a warning
   * of the process and changes nothing.
   */
  readonly onWaiting?: ((state: WaitingState) => void) | undefined;
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

/** What locks and Leases are called. */
export const checkLockName: Check = matching(
  isDnsSubdomain,
  'a DNS subdomain (RFC 1123) of at most 253 characters',
);

export const checkNamespace: Check = matching(
  isDnsLabel,
  'a DNS label (RFC 1123) of at most 63 characters',
);

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
  guard: typed('boolean', 'a boolean'),
  takeOverFromNotReadyNodeAfterMs: checkDuration,
  onWaiting: typed('function', 'a function'),
};

export function isUid(value: string): boolean {
  return /^[-A-Za-z0-9]{1,64}$/.test(value);
}
