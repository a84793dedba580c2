/** What electors write into their lock, as client-go's `resourcelock` does. */

/** Who holds the lock, and for how long it counts. The names are those of a Lease's `spec`. */
export interface LeaderElectionRecord {
  /** Empty for nobody. */
  readonly holderIdentity: string;
  /** Undefined where another elector left it out. */
  readonly leaseDurationSeconds: number | undefined;
  /** RFC 3339 with six decimals, as Kubernetes' `MicroTime`; undefined where it was left out. */
  readonly acquireTime: string | undefined;
  readonly renewTime: string | undefined;
  /** How often another identity has taken the lock over. */
  readonly leaseTransitions: number;
}

/** A record, and what it takes to replace this very version of it. */
export interface LockVersion {
  readonly record: LeaderElectionRecord;
  /** Changes with every write; where it is a number, it grows. */
  readonly resourceVersion: string;
  /** Another one after the lock was deleted and created anew, where that can be told. */
  readonly uid?: string;
  /** For the lock itself, which finds here what it read. */
  readonly object?: unknown;
}

/** The largest number that a Lease can hold. */
export const MAX_INT32 = 2 ** 31 - 1;

/** Kubernetes' `MicroTime`, which takes six decimals and no others. */
export function microTime(dateMs: number): string {
  return new Date(dateMs).toISOString().replace('Z', '000Z');
}

/** The record by which `identity` takes over from `previous`, or goes on if it has `held` it already. */
export function acquiredRecord(
  identity: string,
  leaseDurationMs: number,
  time: string,
  previous?: LeaderElectionRecord,
  held = previous?.holderIdentity === identity,
): LeaderElectionRecord {
  const transitions = previous ? previous.leaseTransitions + (held ? 0 : 1) : 0;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: leaseDurationMs / 1_000,
    acquireTime: (held ? previous?.acquireTime : undefined) ?? time,
    renewTime: time,
    leaseTransitions: Math.min(transitions, MAX_INT32),
  };
}

/** The record by which its holder gives the lock up: held by nobody, and not for long. */
export function releasedRecord(previous: LeaderElectionRecord, time: string): LeaderElectionRecord {
  return {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: time,
    renewTime: time,
    leaseTransitions: previous.leaseTransitions,
  };
}

/** How long a record counts after it was seen to change; `ownMs` where it does not say. */
export function durationMs(record: LeaderElectionRecord, ownMs: number): number {
  const { leaseDurationSeconds: seconds } = record;
  return seconds !== undefined && seconds > 0 ? seconds * 1_000 : ownMs;
}

export function isSameRecord(a: LeaderElectionRecord, b: LeaderElectionRecord): boolean {
  return (
    a.holderIdentity === b.holderIdentity &&
    a.renewTime === b.renewTime &&
    a.acquireTime === b.acquireTime &&
    a.leaseTransitions === b.leaseTransitions &&
    a.leaseDurationSeconds === b.leaseDurationSeconds
  );
}

/**
 * The first field by which a stored record differs from the one that was sent, if any. A duration may differ:
 * a leader can go by that.
 */
export function alteration(
  sent: LeaderElectionRecord,
  stored: LeaderElectionRecord,
): keyof LeaderElectionRecord | undefined {
  const { leaseDurationSeconds: seconds } = stored;
  const hasDuration = seconds !== undefined && seconds > 0;
  return otherThan(sent, stored) ?? (hasDuration ? undefined : 'leaseDurationSeconds');
}

/** Whether this is what was sent, with whatever duration. */
export function isWriteOf(sent: LeaderElectionRecord, stored: LeaderElectionRecord): boolean {
  return otherThan(sent, stored) === undefined;
}

function otherThan(a: LeaderElectionRecord, b: LeaderElectionRecord) {
  if (a.holderIdentity !== b.holderIdentity) return 'holderIdentity';
  if (!isSameTime(a.renewTime, b.renewTime)) return 'renewTime';
  if (!isSameTime(a.acquireTime, b.acquireTime)) return 'acquireTime';
  return a.leaseTransitions === b.leaseTransitions ? undefined : 'leaseTransitions';
}

/** However they are written down. */
function isSameTime(a: string | undefined, b: string | undefined): boolean {
  return a === b || Date.parse(a ?? '') === Date.parse(b ?? '');
}

/** Whether `a` is an earlier version than `b`; where that cannot be told, it is not. */
export function isOlder(a: string, b: string): boolean {
  if (!isNumeric(a) || !isNumeric(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}

/** As a number is written. Such are compared as texts: there is no limit to how long they can be. */
function isNumeric(text: string): boolean {
  return /^(0|[1-9]\d*)$/.test(text);
}
