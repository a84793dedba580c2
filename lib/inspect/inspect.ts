import {
  type Check,
  checkDuration,
  checkLockName,
  checkProperties,
  checkSignal,
} from '../checks.ts';
import { type Json, isObject, child, list, text } from '../kubernetes/json.ts';
import { type Mode, describeLock, lockKinds, locksPath } from '../kubernetes/lock-kind.ts';
import { isDnsSubdomain } from '../kubernetes/names.ts';
import { hasStatus } from '../kubernetes/outcome.ts';
import { getPod } from '../kubernetes/pod.ts';
import type { Refused } from '../kubernetes/remedy.ts';
import { inspectorRoleYaml } from '../kubernetes/role.ts';
import { placeChecks } from '../options.ts';
import { type Platform, systemPlatform } from '../platform/platform.ts';
import { type InspectOptions, type Session, withSession } from './session.ts';
import {
  type LockStatus,
  type Sighted,
  freeStatus,
  leaseStatus,
  lifeStatus,
  looksLikeLock,
  podOf,
} from './status.ts';

/**
 * Number of objects to read at once. A ConfigMap may have 256 KiB of annotations, as one that was
 * applied repeats its data there, and an answer 8 MiB.
 */
const PAGES: Readonly<Record<Mode, number>> = { lease: 500, life: 20 };

/** Number of locks whose Pods are read at the same time. */
const POD_READS = 20;

/**
 * Reads once how a lock of `become` stands: who holds it, in which Pod on which node, and why it is
 * not free. Resolves after one or two requests; failed ones are repeated until `timeoutMs`.
 *
 * Needs the right to `get` this ConfigMap. Without the right to `get` Pods, the node is missing,
 * and a Pod that is ending counts as running.
 *
 * @param lockName - name of the ConfigMap
 * @throws `TypeError` for a bad argument; outside a cluster without a `kubeConfig`
 * @throws `LeaderElectionError` with a `code`: `ERR_TIMEOUT`, `ERR_FORBIDDEN`
 * @throws the signal's reason, if `options.signal` aborts
 *
 * @example
 * const { holder, message } = await inspectLock('my-operator-lock');
 * console.log(holder ?? 'nobody', message);
 */
export async function inspectLock(
  lockName: string,
  options: InspectOptions = {},
): Promise<LockStatus> {
  return inspectOn(systemPlatform, 'life', lockName, options);
}

/** Reads once how a Lease stands, as `inspectLock` does for a lock of `become`. */
export async function inspectLease(
  leaseName: string,
  options: InspectOptions = {},
): Promise<LockStatus> {
  return inspectOn(systemPlatform, 'lease', leaseName, options);
}

/**
 * Reads once how all locks of a namespace stand: all Leases, also those of other programs, and the ConfigMaps
 * that exactly one Pod owns or that this library made. Sorted by name. Settles as `inspectLock`
 * does. Needs the right to `list` Leases and ConfigMaps.
 */
export async function listLocks(options: InspectOptions = {}): Promise<LockStatus[]> {
  return listLocksOn(systemPlatform, options);
}

/** `inspectLock` or `inspectLease` on a given platform. */
export async function inspectOn(
  platform: Platform,
  mode: Mode,
  name: string,
  options: InspectOptions,
): Promise<LockStatus> {
  checkLockName(mode === 'life' ? 'lockName' : 'leaseName', name);
  checkProperties('options', options, inspectChecks);
  const what = `read ${lockKinds[mode].kind} ${name}`;
  return withSession(platform, options, what, async (session) => {
    const object = await readObject(session, mode, name);
    if (!object) return freeStatus({ mode, name, namespace: session.namespace });
    return statusOf(platform, session, mode, object);
  });
}

/** `listLocks` on a given platform. */
export async function listLocksOn(
  platform: Platform,
  options: InspectOptions,
): Promise<LockStatus[]> {
  checkProperties('options', options, inspectChecks);
  return withSession(platform, options, 'list the locks', async (session) => {
    const found = await Promise.all(
      modes.map(async (mode) => {
        const objects = await listObjects(session, mode);
        const statuses: LockStatus[] = [];
        while (objects.length > 0) {
          const some = objects.splice(0, POD_READS);
          const read = some.map((object) => statusOf(platform, session, mode, object));
          statuses.push(...(await Promise.all(read)));
        }
        return statuses;
      }),
    );
    return found.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
  });
}

const modes: readonly Mode[] = ['lease', 'life'];

export const inspectChecks: Readonly<Record<keyof InspectOptions, Check>> = {
  ...placeChecks,
  signal: checkSignal,
  timeoutMs: checkDuration,
};

/** The ConfigMap or Lease; undefined if there is none. */
export function readObject(
  session: Session,
  mode: Mode,
  name: string,
  refused = refusedOf(session, mode, name),
): Promise<Json | undefined> {
  const { api, namespace, signal } = session;
  const path = `${locksPath(mode, namespace)}/${name}`;
  const read = () => api.find(path, (object) => object, signal);
  return session.retry(read, refused);
}

/** The status of an object that was read; also reads the holder's Pod, if permitted. */
export async function statusOf(
  platform: Platform,
  session: Session,
  mode: Mode,
  object: Json,
): Promise<LockStatus> {
  const { api, namespace, signal } = session;
  const of = podOf(mode, object);
  const read = async (): Promise<Sighted['pod']> => {
    if (!of || !isDnsSubdomain(of.name)) return 'absent';
    try {
      return await getPod(api, namespace, of.name, signal);
    } catch (error) {
      if (hasStatus(error, 403)) return 'unreadable';
      throw error;
    }
  };
  const pod = await session.retry(read, refusedOf(session, mode, ''));
  if (mode === 'life') return lifeStatus({ object, pod });
  return leaseStatus({ object, pod }, platform.clock.date());
}

async function listObjects(session: Session, mode: Mode): Promise<Json[]> {
  const { api, namespace, signal } = session;
  const found: Json[] = [];
  let from = '';
  do {
    const request = {
      method: 'GET' as const,
      path: locksPath(mode, namespace),
      query: { limit: String(PAGES[mode]), ...(from && { continue: from }) },
      // ConfigMaps may hold much data, and only their metadata counts.
      ...(mode === 'life' && {
        accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      }),
    };
    const { items, next } = await session.retry(
      () => api.request(request, pageOf, signal),
      refusedOf(session, mode, ''),
    );
    found.push(...items.filter((item) => mode === 'lease' || looksLikeLock(item)));
    from = next;
  } while (from !== '');
  return found;
}

function pageOf(answer: Json): { readonly items: readonly Json[]; readonly next: string } {
  const next = text(child(answer, 'metadata'), 'continue') ?? '';
  return { items: list(answer, 'items').filter(isObject), next };
}

function refusedOf({ namespace }: Session, mode: Mode, name: string): Refused {
  const object =
    name === '' ? `${lockKinds[mode].kind}s in ${namespace}` : describeLock(mode, namespace, name);
  return { object, namespace, role: (user) => inspectorRoleYaml({ namespace, user }) };
}
