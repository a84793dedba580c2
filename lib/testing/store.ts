import { withMetadata, type KubeObject } from './objects.ts';
import type { ResourceType } from './resource-type.ts';

/** One write: what stood there before and what stands there after it. */
export interface Change {
  readonly revision: number;
  readonly type: ResourceType;
  /** Absent when the write created the object. */
  readonly before?: KubeObject;
  /** Absent when the write removed the object. */
  readonly after?: KubeObject;
}

/** The objects as they stand, or stood at some revision. */
export interface View {
  readonly revision: number;
  get(type: ResourceType, namespace: string | undefined, name: string): KubeObject | undefined;
  /** Sorted by namespace and name; every namespace's without one given. */
  list(type: ResourceType, namespace?: string): readonly KubeObject[];
}

/** Where an object stands among its kind: its namespace, if it has one, and its name. */
export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function keyOfObject({ metadata }: KubeObject): string {
  return keyOf(metadata.namespace, metadata.name);
}

class Table {
  readonly objects: Map<string, KubeObject>;
  #sorted: readonly KubeObject[] | undefined;

  constructor(objects: Iterable<readonly [string, KubeObject]> = []) {
    this.objects = new Map(objects);
  }

  put(object: KubeObject): void {
    this.objects.set(keyOfObject(object), object);
    this.#sorted = undefined;
  }

  remove(object: KubeObject): void {
    this.objects.delete(keyOfObject(object));
    this.#sorted = undefined;
  }

  list(namespace: string | undefined): readonly KubeObject[] {
    this.#sorted ??= [...this.objects].sort(byKey).map(([, object]) => object);
    return namespace === undefined
      ? this.#sorted
      : this.#sorted.filter((object) => object.metadata.namespace === namespace);
  }
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/**
 * Keeps the objects and their history, as etcd does for the API server: every write has its own
 * revision, counted over all kinds, which becomes the `resourceVersion` of what it wrote.
 */
export class Store implements View {
  readonly #tables = new Map<ResourceType, Table>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #historyLimit: number;
  #history: Change[] = [];
  #untold: Change[] = [];
  #compacted = 0;
  #revision = 0;

  constructor(historyLimit = 10_000) {
    this.#historyLimit = historyLimit;
  }

  get revision(): number {
    return this.#revision;
  }

  /** The last revision of which nothing is known any more but its outcome. */
  get compacted(): number {
    return this.#compacted;
  }

  get(type: ResourceType, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#table(type).objects.get(keyOf(namespace, name));
  }

  list(type: ResourceType, namespace?: string): readonly KubeObject[] {
    return this.#table(type).list(namespace);
  }

  /** Writes the object and returns it with its new `resourceVersion`. */
  put(type: ResourceType, object: KubeObject): KubeObject {
    const table = this.#table(type);
    const before = table.objects.get(keyOfObject(object));
    const revision = ++this.#revision;
    const after = withMetadata(object, { resourceVersion: String(revision) });
    table.put(after);
    this.#record({ revision, type, after, ...(before && { before }) });
    return after;
  }

  /** Removes the object that stands there; returns it with the removal's `resourceVersion`. */
  remove(type: ResourceType, object: KubeObject): KubeObject {
    const before = this.#table(type).objects.get(keyOfObject(object)) ?? object;
    const revision = ++this.#revision;
    this.#table(type).remove(object);
    this.#record({ revision, type, before });
    return withMetadata(object, { resourceVersion: String(revision) });
  }

  /** Calls `listener` after each write, in their order. The function returned ends that. */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets the history up to a revision, the newest by default. */
  compact(revision: number = this.#revision): void {
    this.#compacted = Math.min(Math.max(revision, this.#compacted), this.#revision);
    this.#history = this.#history.filter((change) => change.revision > this.#compacted);
  }

  /** The writes after a revision, or nothing when some of them are forgotten. */
  changesAfter(revision: number): readonly Change[] | undefined {
    if (revision < this.#compacted) return undefined;
    return this.#history.slice(revision - this.#compacted);
  }

  /** The objects as they stood at a revision, or nothing when it is forgotten. */
  at(revision: number): View | undefined {
    if (revision >= this.#revision) return this;
    const undone = this.changesAfter(revision);
    return undone && new PastView(revision, this, undone);
  }

  #table(type: ResourceType): Table {
    let table = this.#tables.get(type);
    if (!table) this.#tables.set(type, (table = new Table()));
    return table;
  }

  #record(change: Change): void {
    this.#history.push(change);
    if (this.#history.length > 2 * this.#historyLimit) {
      this.compact(this.#revision - this.#historyLimit);
    }
    // A listener may write: everybody hears of the first write before anybody of the second.
    this.#untold.push(change);
    if (this.#untold.length > 1) return;
    for (let next = this.#untold[0]; next; next = this.#untold[0]) {
      for (const listener of [...this.#listeners]) listener(next);
      this.#untold.shift();
    }
  }
}

class PastView implements View {
  readonly revision: number;
  readonly #now: Store;
  readonly #undone: readonly Change[];
  readonly #tables = new Map<ResourceType, Table>();

  constructor(revision: number, now: Store, undone: readonly Change[]) {
    this.revision = revision;
    this.#now = now;
    this.#undone = undone;
  }

  get(type: ResourceType, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#table(type).objects.get(keyOf(namespace, name));
  }

  list(type: ResourceType, namespace?: string): readonly KubeObject[] {
    return this.#table(type).list(namespace);
  }

  #table(type: ResourceType): Table {
    const known = this.#tables.get(type);
    if (known) return known;
    const table = new Table(this.#now.list(type).map((object) => [keyOfObject(object), object]));
    for (const { type: changed, before, after } of this.#undone.toReversed()) {
      if (changed !== type) continue;
      if (after) table.remove(after);
      if (before) table.put(before);
    }
    this.#tables.set(type, table);
    return table;
  }
}
