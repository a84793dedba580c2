import type { KubeObject } from '../../lib/testing/objects.ts';
import type { Fact } from './fact.ts';
import { lockOf } from './truth.ts';
import type { World } from './world.ts';

const LOCKS = new Set(['configmaps', 'leases']);

interface LeaseSpec {
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  readonly leaseTransitions?: number | null;
}

/** Who holds the lock, and what becomes of Pods, in words. */
export class Holder {
  readonly #world: World;
  /** Which Pods of a name there were, in the order in which they were met. */
  readonly #pods = new Map<string, string[]>();
  #current: KubeObject | undefined;

  constructor(world: World) {
    this.#world = world;
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

  /** Whether this update lets a Lease with whoever has it. */
  isRenewal(body: unknown): boolean {
    const { holderIdentity } = specOf(body);
    return holderIdentity !== '' && specOf(this.#current).holderIdentity === holderIdentity;
  }

  /** What a write came to; undefined if it does not matter here. */
  notice({ resource, before, after }: Fact & { type: 'written' }): string | undefined {
    const object = after ?? before;
    if (!object) return undefined;
    const { name, uid } = object.metadata;
    if (resource === 'pods') return this.#podChange(this.#podWords(name, uid), before, after);
    if (!this.isLock(resource, name)) return undefined;
    this.#current = after;
    if (resource === 'configmaps') return after ? `lock: ${this.words(after)}` : 'lock: gone';
    if (!after) return 'Lease: gone';
    if (before && this.#who(before) === this.#who(after)) {
      return specOf(after).leaseTransitions === specOf(before).leaseTransitions
        ? 'renewal'
        : `Lease: ${this.words(after)}, again`;
    }
    return `Lease: ${this.words(after)}`;
  }

  /** Who holds it by this object, and at which version. */
  words(object: unknown): string {
    const { metadata } = (object ?? {}) as Partial<KubeObject>;
    if (!metadata) return 'no lock';
    const deleting = metadata.deletionTimestamp === undefined ? '' : ', being deleted';
    return `${this.#who(object as KubeObject)}${this.#version(object as KubeObject)}${deleting}`;
  }

  /** Versions of a Lease change with every renewal, and say little. */
  #version(object: KubeObject): string {
    const spec = (object as { spec?: LeaseSpec }).spec;
    if (!spec) return ` @${object.metadata.resourceVersion}`;
    return ` (${spec.leaseDurationSeconds ?? '?'} s, #${spec.leaseTransitions ?? 0})`;
  }

  #who(object: KubeObject): string {
    const { holderIdentity } = specOf(object);
    if (this.#world.schedule.mode !== 'life') return holderIdentity || 'nobody';
    const { holderName, holderUid, isOrphaned } = lockOf(object);
    const pod = holderUid === '' ? 'nobody' : this.#podWords(holderName, holderUid);
    return isOrphaned ? `${pod} (no owner)` : pod;
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

function specOf(object: unknown): LeaseSpec & { readonly holderIdentity: string } {
  const { spec } = (object ?? {}) as { spec?: LeaseSpec | null };
  return { ...spec, holderIdentity: spec?.holderIdentity ?? '' };
}
