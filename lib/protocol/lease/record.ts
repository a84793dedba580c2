/** What electors write into their lock, as client-go's `resourcelock` does. */

/** Who holds the lock, and for how long. The names are those of a Lease's `spec`. */
export interface LeaderElectionRecord {
  /** Empty for nobody. */
  readonly holderIdentity: string;
  /** Undefined if another elector left it out. */
  readonly leaseDurationSeconds: number | undefined;
  /** RFC 3339 with six decimals, as Kubernetes' `MicroTime`; undefined if it was left out. */
  readonly acquireTime: string | undefined;
  readonly renewTime: string | undefined;
  /** How often another identity has taken the lock over. */
  readonly leaseTransitions: number;
}

/** The container in which an elector runs, as it says beside its record. */
export interface HolderContainer {
  readonly podName: string;
  readonly podUid: string;
  readonly containerName: string;
  /** As in the Pod's status, for example `containerd://…`. */
  readonly containerId: string;
  /** When the elector began, by the clock of its node; RFC 3339. */
  readonly since: string;
}

export function isSameContainer(
  a: HolderContainer | undefined,
  b: HolderContainer | undefined,
): boolean {
  return a?.podUid === b?.podUid && a?.containerId === b?.containerId && a?.since === b?.since;
}

/** A record, and what is needed to replace this version of it. */
export interface LockVersion {
  readonly record: LeaderElectionRecord;
  /** Where the process runs that wrote this record; undefined if it has not said so. */
  readonly container?: HolderContainer | undefined;
  /** Changes with every write; if it is a number, it grows. */
  readonly resourceVersion: string;
  /** Changes if the lock is deleted and created again; missing if the lock cannot tell. */
  readonly uid?: string;
  /** Somebody asks the holder to hand over. */
  readonly handoverAsked?: boolean;
  /** For the lock's own use: the object that it read. */
  readonly object?: unknown;
}

/** The largest number that a Lease can hold. */
export const MAX_INT32 = 2 ** 31 - 1;

/** Kubernetes' `MicroTime`, which needs exactly six decimals. */
export function microTime(dateMs: number): string {
  return new Date(dateMs).toISOString().replace('Z', '000Z');
}

/**
 * The record by which `identity` takes over from `previous`, or goes on if it already `held` the
 * lock.
 */
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

/** The record by which a holder gives the lock up: no holder, a short duration. */
export function releasedRecord(previous: LeaderElectionRecord, time: string): LeaderElectionRecord {
  return {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: time,
    renewTime: time,
    leaseTransitions: previous.leaseTransitions,
  };
}

/** How long a record counts after it was seen to change; `ownMs` if the record has no duration. */
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
 * The first field by which a stored record differs from the one that was sent, if any. The duration
 * may differ, because a leader can go by the stored one.
 */
export function alteration(
  sent: LeaderElectionRecord,
  stored: LeaderElectionRecord,
): keyof LeaderElectionRecord | undefined {
  const { leaseDurationSeconds: seconds } = stored;
  const hasDuration = seconds !== undefined && seconds > 0;
  return otherThan(sent, stored) ?? (hasDuration ? undefined : 'leaseDurationSeconds');
}

/** Whether this is what was sent, with any duration. */
export function isWriteOf(sent: LeaderElectionRecord, stored: LeaderElectionRecord): boolean {
  return otherThan(sent, stored) === undefined;
}

function otherThan(a: LeaderElectionRecord, b: LeaderElectionRecord) {
  if (a.holderIdentity !== b.holderIdentity) return 'holderIdentity';
  if (!isSameTime(a.renewTime, b.renewTime)) return 'renewTime';
  if (!isSameTime(a.acquireTime, b.acquireTime)) return 'acquireTime';
  return a.leaseTransitions === b.leaseTransitions ? undefined : 'leaseTransitions';
}

/** Whether two times are equal, in any notation. */
function isSameTime(a: string | undefined, b: string | undefined): boolean {
  return a === b || Date.parse(a ?? '') === Date.parse(b ?? '');
}

/** Whether `a` is known to be an earlier version than `b`. */
export function isOlder(a: string, b: string): boolean {
  if (!isNumeric(a) || !isNumeric(b)) return false;
  return a.length === b.length ? a < b : a.length < b.length;
}

/** Numbers are compared as text, because their length has no limit. */
function isNumeric(text: string): boolean {
  return /^(0|[1-9]\d*)$/.test(text);
}
