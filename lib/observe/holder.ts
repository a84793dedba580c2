import { toLock } from '../kubernetes/config-map-lock.ts';
import { type Json, creationTime } from '../kubernetes/json.ts';
import { toVersion } from '../kubernetes/lease.ts';
import type { Mode } from '../kubernetes/lock-kind.ts';
import { holderOf } from '../protocol/model.ts';

/** The holder of a lock, of either kind. */
export interface Holder {
  /** An elector's identity or, for a lock of `become`, the Pod's name. */
  readonly identity: string;
  /** When the holder acquired the lock, as the lock says (wall time). */
  readonly acquireTime: Date;
  /** Version of the lock in which this holder was first seen. */
  readonly resourceVersion: string;
}

/** The holder on record of a Lease, which may have expired. */
export interface LeaseHolder extends Holder {
  /** How often another identity has taken the Lease over. */
  readonly leaseTransitions: number;
}

/** The Pod that holds a lock of `become`. */
export interface LockHolder extends Holder {
  readonly podName: string;
  readonly podUid: string;
}

/** What a version of an object says about its holder. */
export interface Sighting<H extends Holder> {
  /** Null for nobody. */
  readonly holder: H | null;
  /** The object's. */
  readonly uid: string;
  readonly resourceVersion: string;
  /** Differs for each time of holding. */
  readonly term: string;
}

/** How to read who holds a lock. */
export interface LockReader<H extends Holder> {
  readonly mode: Mode;
  /** Throws on an object that cannot be one of this kind. */
  readonly read: (object: Json) => Sighting<H>;
}

export const leases: LockReader<LeaseHolder> = {
  mode: 'lease',
  read: (object) => {
    const { record, resourceVersion, uid = '' } = toVersion(object);
    const { holderIdentity: identity, leaseTransitions } = record;
    if (identity === '') return { ...NOBODY, uid, resourceVersion };
    const acquireTime = firstTime(record.acquireTime, record.renewTime, creationTime(object));
    return {
      holder: { identity, acquireTime, leaseTransitions, resourceVersion },
      uid,
      resourceVersion,
      term: [uid, leaseTransitions, identity].join(' '),
    };
  },
};

export const lifeLocks: LockReader<LockHolder> = {
  mode: 'life',
  read: (object) => {
    const lock = toLock(object);
    const { uid, resourceVersion } = lock;
    const pod = holderOf(lock);
    // A lock that is marked as released or for deletion is no longer held, even if a finalizer keeps it.
    if (!pod || lock.released || lock.deleting) return { ...NOBODY, uid, resourceVersion };
    const { name: podName, uid: podUid } = pod;
    const acquireTime = firstTime(creationTime(object));
    return {
      holder: { identity: podName, podName, podUid, acquireTime, resourceVersion },
      uid,
      resourceVersion,
      term: [uid, podUid].join(' '),
    };
  },
};

/** Nobody holds the lock. */
export const NOBODY = { holder: null, term: '' } as const;

/** The first valid time: not every elector writes all of them. */
function firstTime(...times: readonly (string | undefined)[]): Date {
  const given = times.find((time) => !Number.isNaN(Date.parse(time ?? '')));
  return new Date(given ?? Number.NaN);
}
