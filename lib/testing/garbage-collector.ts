import type { Clock } from '../platform/clock.ts';
import type { ApiModel } from './api-model.ts';
import { withMetadata, type KubeObject, type ObjectMeta, type OwnerReference } from './objects.ts';
import type { ResourceType } from './resource-type.ts';
import { keyOf, type Change } from './store.ts';

/** An object that concerns the collector: it has owners, or waits for its dependents. */
interface Tracked {
  readonly id: string;
  readonly type: ResourceType;
  readonly object: KubeObject;
}

function isDeletionFinalizer(name: string): boolean {
  return name === 'orphan' || name === 'foregroundDeletion';
}

function isWaiting({ metadata }: KubeObject): boolean {
  const { deletionTimestamp, finalizers = [] } = metadata;
  return deletionTimestamp !== undefined && finalizers.some(isDeletionFinalizer);
}

function isDeletedInForeground(object: KubeObject): boolean {
  return isWaiting(object) && object.metadata.finalizers?.includes('foregroundDeletion') === true;
}

function ownersOf({ metadata }: KubeObject): readonly OwnerReference[] {
  return metadata.ownerReferences ?? [];
}

/**
 * Deletes objects that have lost their owners, as Kubernetes' garbage collector does: an object
 * goes if none of its owners exists *by UID*, even if none ever did.
 */
export class GarbageCollector {
  /**
   * Milliseconds from the loss of an owner (or the creation of an object without one) to the
   * deletion. A new value applies to what happens from then on.
   */
  delayMs: number;
  readonly #model: ApiModel;
  readonly #clock: Clock;
  readonly #tracked = new Map<string, Tracked>();
  readonly #idsByOwner = new Map<string, Set<string>>();
  readonly #pending = new Set<() => void>();
  readonly #unlisten: () => void;
  #isRunning = true;

  /** @internal */
  constructor(model: ApiModel, clock: Clock, delayMs: number) {
    this.#model = model;
    this.#clock = clock;
    this.delayMs = delayMs;
    this.#unlisten = model.store.listen((change) => this.#notice(change));
  }

  /** Stops collecting, until it is started again. */
  stop(): void {
    this.#isRunning = false;
    for (const cancel of this.#pending) cancel();
    this.#pending.clear();
  }

  /** Starts again, and collects after the delay what it missed. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#checkLater(() => [...this.#tracked.keys()]);
  }

  /** @internal */
  close(): void {
    this.stop();
    this.#unlisten();
  }

  #notice({ type, before, after }: Change): void {
    const object = after ?? before;
    if (!object) return;
    const { namespace, name } = object.metadata;
    const id = `${type.plural}.${type.group}/${keyOf(namespace, name)}`;
    this.#untrack(id);
    if (after && (ownersOf(after).length > 0 || isWaiting(after))) {
      this.#track({ id, type, object: after });
      const lacksOwner = ownersOf(after).some((owner) => this.#isGone(owner, namespace));
      if (lacksOwner || isWaiting(after)) this.#checkLater(() => [id]);
    }
    const kept = new Set((after ? ownersOf(after) : []).map(({ uid }) => uid));
    const left = before ? ownersOf(before).filter(({ uid }) => !kept.has(uid)) : [];
    const owners = left.map((owner) => this.#idOf(owner, namespace));
    if (after) {
      // An owner may wait for this object to go.
      if (owners.length > 0) this.#checkLater(() => owners);
      return;
    }
    const { uid } = object.metadata;
    const dependents = () => [...(this.#idsByOwner.get(uid) ?? [])];
    if (owners.length + dependents().length > 0)
      this.#checkLater(() => [...dependents(), ...owners]);
  }

  #track(tracked: Tracked): void {
    this.#tracked.set(tracked.id, tracked);
    for (const { uid } of ownersOf(tracked.object)) {
      const ids = this.#idsByOwner.get(uid) ?? new Set();
      this.#idsByOwner.set(uid, ids.add(tracked.id));
    }
  }

  #untrack(id: string): void {
    const tracked = this.#tracked.get(id);
    if (!tracked) return;
    this.#tracked.delete(id);
    for (const { uid } of ownersOf(tracked.object)) {
      const ids = this.#idsByOwner.get(uid);
      ids?.delete(id);
      if (ids?.size === 0) this.#idsByOwner.delete(uid);
    }
  }

  #checkLater(ids: () => readonly string[]): void {
    if (!this.#isRunning) return;
    const cancel = this.#clock.after(this.delayMs, () => {
      this.#pending.delete(cancel);
      for (const id of ids()) this.#check(id);
    });
    this.#pending.add(cancel);
  }

  #check(id: string): void {
    const tracked = this.#tracked.get(id);
    if (!tracked) return;
    if (isWaiting(tracked.object)) this.#finish(tracked);
    else this.#collect(tracked);
  }

  #collect(tracked: Tracked): void {
    const { namespace, deletionTimestamp } = tracked.object.metadata;
    if (deletionTimestamp !== undefined) return;
    const owners = ownersOf(tracked.object);
    const solid = owners.filter((owner) => this.#isSolid(owner, namespace));
    if (solid.length === 0) this.#delete(tracked);
    else if (solid.length < owners.length) this.#change(tracked, { ownerReferences: solid });
  }

  /** Does what a deletion with `Orphan` or `Foreground` waits for, and finishes the deletion. */
  #finish(owner: Tracked): void {
    const { uid, finalizers = [] } = owner.object.metadata;
    const owned = [...(this.#idsByOwner.get(uid) ?? [])].flatMap(
      (id) => this.#tracked.get(id) ?? [],
    );
    for (const dependent of owned) {
      if (finalizers.includes('orphan')) {
        const others = ownersOf(dependent.object).filter((reference) => reference.uid !== uid);
        this.#change(dependent, { ownerReferences: others });
      } else {
        this.#collect(dependent);
      }
    }
    if (this.#isBlocked(uid)) return;
    this.#change(owner, { finalizers: finalizers.filter((name) => !isDeletionFinalizer(name)) });
  }

  /** Whether the owner has to wait for a dependent. The default of `blockOwnerDeletion` is false. */
  #isBlocked(uid: string): boolean {
    return [...(this.#idsByOwner.get(uid) ?? [])].some((id) => {
      const dependent = this.#tracked.get(id);
      return (
        dependent &&
        ownersOf(dependent.object).some((owner) => owner.uid === uid && owner.blockOwnerDeletion)
      );
    });
  }

  /** Whether the owner keeps what it owns: it exists, and does not wait for its dependents to go. */
  #isSolid(owner: OwnerReference, namespace: string | undefined): boolean {
    if (this.#isGone(owner, namespace)) return false;
    const tracked = this.#tracked.get(this.#idOf(owner, namespace));
    return !tracked || !isDeletedInForeground(tracked.object);
  }

  /** Whether the owner is gone for sure: a kind that the cluster does not serve never is. */
  #isGone(owner: OwnerReference, namespace: string | undefined): boolean {
    const type = this.#model.types.byKind(owner.apiVersion, owner.kind);
    if (!type) return false;
    const home = type.namespaced ? namespace : undefined;
    return this.#model.store.get(type, home, owner.name)?.metadata.uid !== owner.uid;
  }

  #idOf({ apiVersion, kind, name }: OwnerReference, namespace: string | undefined): string {
    const type = this.#model.types.byKind(apiVersion, kind);
    const home = type?.namespaced ? namespace : undefined;
    return type ? `${type.plural}.${type.group}/${keyOf(home, name)}` : '';
  }

  #delete({ type, object }: Tracked): void {
    const { namespace, name, uid } = object.metadata;
    this.#model.registry.delete(type, namespace, name, { preconditions: { uid } });
  }

  #change(
    { type, object }: Tracked,
    changes: Partial<Pick<ObjectMeta, 'ownerReferences' | 'finalizers'>>,
  ): void {
    const { namespace, name } = object.metadata;
    const apply = () => withMetadata(object, changes);
    this.#model.registry.patch(type, namespace, name, apply, 'object');
  }
}
