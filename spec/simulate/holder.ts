import type { KubeObject } from '../../lib/testing/objects.ts';
import type { Fact } from './fact.ts';
import { recordOf } from './lease-record.ts';
import { lockOf } from './truth.ts';
import type { World } from './world.ts';

const LOCKS = new Set(['configmaps', 'leases']);

/** Who holds the lock, and what becomes of Pods, in words. */
export class Holder {
  /** Which Pods of a name there were, in the order in which they were met. */
  readonly #pods = new Map<string, string[]>();
  #lease: KubeObject | undefined;

  constructor(world: World) {
    for (const { podName } of world.slots) {
      const pod = world.cluster.getPod(podName);
      if (pod) this.#podWords(podName, pod.metadata.uid);
    }
  }

  /** Whether this is what everybody competes for. */
  isLock(resource: string, name: string): boolean {
    // Whoever lists or watches names it in a selector.
    return LOCKS.has(resource) && (name === 'lock' || name === '');
  }

  /** What an update of the Lease is for. */
  purpose(body: unknown): 'renewal' | 'release' | 'acquire' {
    const { holderIdentity } = recordOf(body);
    if (holderIdentity === '') return 'release';
    return recordOf(this.#lease).holderIdentity === holderIdentity ? 'renewal' : 'acquire';
  }

  /** What a write came to; undefined if it does not matter here. */
  notice({ resource, before, after }: Fact & { type: 'written' }): string | undefined {
    const object = after ?? before;
    if (!object) return undefined;
    const { name, uid } = object.metadata;
    if (resource === 'pods') return this.#podChange(this.#podWords(name, uid), before, after);
    if (!this.isLock(resource, name)) return undefined;
    const noun = resource === 'leases' ? 'Lease' : 'lock';
    if (resource === 'leases') this.#lease = after;
    if (!after) return `${noun}: gone`;
    const words = this.words(resource, after);
    if (resource === 'configmaps') return `lock: ${words}`;
    if (before && this.words(resource, before) === words) return 'renewal';
    return `Lease: ${words} @${after.metadata.resourceVersion}`;
  }

  /** Who holds it by this object; versions of a Lease change all the time, and say little. */
  words(resource: string, object: unknown): string {
    if (!object) return 'no lock';
    const found = object as KubeObject;
    const deleting = found.metadata.deletionTimestamp === undefined ? '' : ', being deleted';
    if (resource === 'leases') {
      const { holderIdentity, leaseDurationSeconds, leaseTransitions } = recordOf(object);
      const terms = `${leaseDurationSeconds ?? '?'} s, #${leaseTransitions}`;
      return `${holderIdentity || 'nobody'} (${terms})${deleting}`;
    }
    const { holderName, holderUid, isOrphaned, version } = lockOf(found);
    const pod = holderUid === '' ? 'nobody' : this.#podWords(holderName, holderUid);
    return `${pod}${isOrphaned ? ' (no owner)' : ''} @${version}${deleting}`;
  }

  /** The text, with Pods named as they are here rather than by their UIDs. */
  readable(text: string): string {
    return text.replace(/Pod (\S+) ([\da-f]{8}(?:-[\da-f]+){4})/g, (_, name: string, uid: string) =>
      this.#podWords(name, uid),
    );
  }

  #podWords(name: string, uid: string): string {
    const known = this.#pods.get(name) ?? [];
    if (!known.includes(uid)) known.push(uid);
    this.#pods.set(name, known);
    const number = known.indexOf(uid) + 1;
    return number === 1 ? name : `${name} (no. ${number})`;
  }

  #podChange(
    pod: string,
    before: KubeObject | undefined,
    after: KubeObject | undefined,
  ): string | undefined {
    if (!after) return `${pod}: gone`;
    if (!before) return `${pod}: new`;
    const was = podState(before);
    const is = podState(after);
    return was === is ? undefined : `${pod}: ${is}`;
  }
}

function podState(pod: KubeObject): string {
  const { phase = '' } = (pod as { status?: { phase?: string } }).status ?? {};
  return pod.metadata.deletionTimestamp === undefined ? phase : `${phase}, terminating`;
}
