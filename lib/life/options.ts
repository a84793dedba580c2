import {
  type Check,
  annotationsExcept,
  checkBoolean,
  checkDuration,
  checkLockName,
  checkProperties,
  checkSignal,
  matching,
} from '../checks.ts';
import { reservedAnnotations } from '../kubernetes/config-map-lock.ts';
import { isDnsSubdomain, isUid } from '../kubernetes/names.ts';
import {
  type ElectionSettings,
  type LabelOptions,
  type PlaceOptions,
  electionChecks,
  labelChecks,
  placeChecks,
} from '../options.ts';

/** What `become` can be told. Everything has a default that suits a Pod. */
export interface BecomeOptions extends PlaceOptions, LabelOptions, ElectionSettings {
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
   * Ends the wait: `become` rejects with the signal's reason. It does so at once, unless a create may have
   * won: then that lock is taken back first, within 10 s, and what may be left behind is told in a warning.
   * After `become` resolved, the signal means nothing to it.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * The longest pause, in milliseconds, between looks at a lock that cannot be watched, and between
   * tries of a request that fails.
   * @default 16_000
   */
  readonly maxBackoffMs?: number | undefined;
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
  ...placeChecks,
  podName: matching(isDnsSubdomain, "a Pod's name, a DNS subdomain (RFC 1123)"),
  podUid: matching(isUid, "a Pod's UID"),
  signal: checkSignal,
  maxBackoffMs: checkDuration,
  ...labelChecks,
  annotations: annotationsExcept(reservedAnnotations),
  guard: checkBoolean,
  takeOverFromNotReadyNodeAfterMs: checkDuration,
  ...electionChecks,
};
