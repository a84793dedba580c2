import {
  type Check,
  annotationsExcept,
  checkBoolean,
  checkDuration,
  checkLockName,
  checkPodName,
  checkProperties,
  checkSignal,
  matching,
} from '../checks.ts';
import { reservedAnnotations } from '../kubernetes/config-map-lock.ts';
import { isUid } from '../kubernetes/names.ts';
import {
  type ElectionSettings,
  type LabelOptions,
  type PlaceOptions,
  electionChecks,
  labelChecks,
  placeChecks,
} from '../options.ts';

/** Options of `become`. The defaults suit a Pod. */
export interface BecomeOptions extends PlaceOptions, LabelOptions, ElectionSettings {
  /**
   * This Pod's name.
   * @default `POD_NAME`, from the downward API (`metadata.name`)
   */
  readonly podName?: string | undefined;
  /**
   * This Pod's UID. Knowing it saves a round trip. It is verified if the Role allows reading Pods.
   * Otherwise a UID from `POD_UID` is refused, and one given here is trusted.
   * @default `POD_UID`, from the downward API (`metadata.uid`), else read from the API
   */
  readonly podUid?: string | undefined;
  /**
   * Ends the wait: `become` rejects with the signal's reason. If a create may have succeeded, it
   * first takes that lock back, for up to 10 s, and warns if a lock may be left behind. Otherwise
   * it rejects at once. After `become` has resolved, the signal has no effect.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Longest pause, in milliseconds, between reads of a lock that cannot be watched, and between
   * retries of a request.
   * @default 16_000
   */
  readonly maxBackoffMs?: number | undefined;
  /**
   * Whether to watch the lock while leading. `leadership.signal` then aborts if the lock is
   * deleted, marked for deletion or taken over.
   * @default false
   */
  readonly guard?: boolean | undefined;
  /**
   * DANGEROUS: once this candidate has seen the holder's node not ready for this many milliseconds,
   * it deletes the holder's Pod by force. The holder's process may still run, so there may be two
   * leaders. Needs the rights to read nodes and to delete Pods.
   * @default never
   */
  readonly takeOverFromNotReadyNodeAfterMs?: number | undefined;
}

/** Checked options, with the defaults that need no environment. */
export type CheckedOptions = BecomeOptions & { readonly maxBackoffMs: number };

const DEFAULT_MAX_BACKOFF_MS = 16_000;

/** Throws a TypeError that names the first bad option and its value. */
export function checkOptions(lockName: unknown, options: unknown): CheckedOptions {
  checkLockName('lockName', lockName);
  const checked = checkProperties('options', options, checks) as BecomeOptions;
  return { ...checked, maxBackoffMs: checked.maxBackoffMs ?? DEFAULT_MAX_BACKOFF_MS };
}

const checks: Readonly<Record<keyof BecomeOptions, Check>> = {
  ...placeChecks,
  podName: checkPodName,
  podUid: matching(isUid, "a Pod's UID"),
  signal: checkSignal,
  maxBackoffMs: checkDuration,
  ...labelChecks,
  annotations: annotationsExcept(reservedAnnotations),
  guard: checkBoolean,
  takeOverFromNotReadyNodeAfterMs: checkDuration,
  ...electionChecks,
};
