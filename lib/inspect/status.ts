import { type WaitingReason, holderReasons } from '../events/waiting.ts';
import { toLock } from '../kubernetes/config-map-lock.ts';
import { type Json, child, creationTime, list, text } from '../kubernetes/json.ts';
import { toVersion } from '../kubernetes/lease.ts';
import { STEP_DOWN } from '../kubernetes/step-down.ts';
import { duration, printable } from '../platform/printable.ts';
import { durationMs } from '../protocol/lease/record.ts';
import { type Pod, type PodIdentity, holderOf, livenessOf } from '../protocol/model.ts';

/** How a lock stands at one moment, as read from the API server. */
export interface LockStatus {
  /** `life` for a ConfigMap that a Pod owns, `lease` for a Lease. */
  readonly mode: 'life' | 'lease';
  readonly name: string;
  readonly namespace: string;
  /** Why the lock is not free, or `free`. */
  readonly reason: LockReason;
  /** The same for people, on one line without control characters. */
  readonly message: string;
  /** The holder on record: a Pod's name or, for a Lease, an identity. Missing for nobody. */
  readonly holder?: string;
  /**
   * The holder's Pod. For a Lease, the Pod whose name the identity begins with, if it exists.
   * `podName`, `podUid` and `nodeName` are missing for Pods that this user may not read.
   */
  readonly podName?: string;
  readonly podUid?: string;
  readonly nodeName?: string;
  /** Since when the holder has held the lock, as the lock says (wall time). */
  readonly since?: Date;
  /** When the Lease was last renewed, by the holder's clock. */
  readonly renewedAt?: Date;
  /**
   * Milliseconds until the Lease expires, by this machine's clock and the holder's: for people.
   * Negative if it has expired. No election decides by it.
   */
  readonly remainingMs?: number;
  /** How often another identity has taken the Lease over. */
  readonly transitions?: number;
  /** Version and UID of the object; missing if there is none. */
  readonly resourceVersion?: string;
  readonly uid?: string;
  /** The identity that was asked to step down, if the request still stands. */
  readonly stepDown?: string;
}

/** Why a lock is not free. */
export type LockReason =
  | Exclude<WaitingReason, 'node-not-ready' | 'quota-exceeded' | 'api-unavailable'>
  /** The Lease has not been renewed in time: a candidate takes it over, if there is one. */
  | 'expired'
  /** The ConfigMap belongs to no Pod, and this library has not made it: it is no lock. */
  | 'foreign';

/** A read object and, for its holder's Pod, what reading it gave. */
export interface Sighted {
  readonly object: Json;
  readonly pod: Pod | 'absent' | 'unreadable';
}

type Place = Pick<LockStatus, 'mode' | 'name' | 'namespace'>;

/** There is no object of this name. */
export function freeStatus(place: Place): LockStatus {
  return { ...place, reason: 'free', message: 'nobody holds the lock' };
}

/** The Pod to read for the status of an object, if it names one. */
export function podOf(mode: LockStatus['mode'], object: Json): PodIdentity | undefined {
  if (mode === 'life') return holderOf(toLock(object));
  const { holderIdentity } = toVersion(object).record;
  const [name = ''] = holderIdentity.split('_');
  return name === '' ? undefined : { name, uid: '' };
}

/** The status of a ConfigMap. */
export function lifeStatus({ object, pod: found }: Sighted): LockStatus {
  const lock = toLock(object);
  const { uid, resourceVersion } = lock;
  const place = { mode: 'life', ...placeOf(object), uid, resourceVersion } as const;
  const of = holderOf(lock);
  if (!of) {
    const message = 'no Pod owns this ConfigMap, and it was not made as a lock';
    return { ...place, reason: 'foreign', message };
  }
  const liveness = livenessOf({ of, found });
  const pod = typeof found === 'object' && found.uid === of.uid ? found : undefined;
  const reason = lock.deleting
    ? 'lock-deleting'
    : lock.released
      ? 'released'
      : holderReasons[liveness];
  const isHeld = !lock.released;
  return {
    ...place,
    reason,
    message: printable(explain(reason, of.name, pod, lock.finalizers)),
    ...(isHeld && {
      holder: of.name,
      podName: of.name,
      podUid: of.uid,
      ...(pod?.nodeName !== undefined && { nodeName: pod.nodeName }),
      ...timeOf('since', creationTime(object)),
      ...stepDownOf(object),
    }),
  };
}

/** The status of a Lease at a wall-clock time. */
export function leaseStatus({ object, pod: found }: Sighted, now: Date): LockStatus {
  const { record, resourceVersion, uid = '' } = toVersion(object);
  const { holderIdentity: holder, leaseTransitions: transitions } = record;
  const place = { mode: 'lease', ...placeOf(object), uid, resourceVersion, transitions } as const;
  if (holder === '') return { ...place, reason: 'free', message: 'nobody holds the Lease' };
  const renewed = timeOf('renewedAt', record.renewTime);
  const fullMs = durationMs(record, Number.NaN);
  // Of a holder whose clock is ahead, too, the others wait no longer than the duration.
  const agoMs = Math.max(now.getTime() - (renewed.renewedAt?.getTime() ?? Number.NaN), 0);
  const remainingMs = fullMs - agoMs;
  const reason = remainingMs <= 0 ? 'expired' : 'held';
  const pod = typeof found === 'object' ? found : undefined;
  return {
    ...place,
    reason,
    message: printable(explainLease(reason, holder, remainingMs, pod)),
    holder,
    ...(pod && { podName: pod.name, podUid: pod.uid }),
    ...(pod?.nodeName !== undefined && { nodeName: pod.nodeName }),
    ...timeOf('since', record.acquireTime ?? record.renewTime ?? creationTime(object)),
    ...renewed,
    ...(!Number.isNaN(remainingMs) && { remainingMs }),
    ...stepDownOf(object),
  };
}

/** Whether a ConfigMap looks like a lock: one Pod owns it, or it bears this library's mark. */
export function looksLikeLock(object: Json): boolean {
  const owners = list(child(object, 'metadata'), 'ownerReferences');
  const isOwned = owners.length === 1 && text(owners[0], 'kind') === 'Pod';
  return isOwned || toLock(object).mark !== undefined;
}

function explain(
  reason: LockReason,
  podName: string,
  pod: Pod | undefined,
  finalizers: readonly string[],
): string {
  const who = `Pod ${podName}${pod?.nodeName === undefined ? '' : ` on node ${pod.nodeName}`}`;
  switch (reason) {
    case 'holder-terminating':
      return `${who} leads, and is terminating`;
    case 'holder-finishing':
      return `${who} has ended, but a container of it is still said to run`;
    case 'holder-finished':
      return `${who} has ended; a candidate takes its lock over, if there is one`;
    case 'holder-gone':
      return `${who} is gone; its lock is about to be freed`;
    case 'released':
      return 'the last leader has released the lock; it is about to be deleted';
    case 'lock-deleting':
      return finalizers.length > 0
        ? `the lock is being deleted, but finalizers keep it: ${finalizers.join(', ')}`
        : 'the lock is being deleted';
    default:
      return `${who} leads`;
  }
}

function explainLease(
  reason: 'held' | 'expired',
  holder: string,
  remainingMs: number,
  pod: Pod | undefined,
): string {
  const where = pod?.nodeName === undefined ? '' : ` on node ${pod.nodeName}`;
  if (reason === 'held') return `${holder}${where} leads`;
  const ago = duration(remainingMs);
  return `the Lease of ${holder}${where} expired ${ago} ago, and nobody has taken it over`;
}

function stepDownOf(object: Json): { readonly stepDown?: string } {
  const stepDown = text(child(child(object, 'metadata'), 'annotations'), STEP_DOWN);
  return stepDown === undefined ? {} : { stepDown };
}

function placeOf(object: Json): Pick<LockStatus, 'name' | 'namespace'> {
  const metadata = child(object, 'metadata');
  return { name: text(metadata, 'name') ?? '', namespace: text(metadata, 'namespace') ?? '' };
}

function timeOf<K extends string>(key: K, time: string | undefined): Partial<Record<K, Date>> {
  const isTime = time !== undefined && !Number.isNaN(Date.parse(time));
  return (isTime ? { [key]: new Date(time) } : {}) as Partial<Record<K, Date>>;
}
