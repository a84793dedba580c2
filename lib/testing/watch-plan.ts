import { withMetadata, type KubeObject } from './objects.ts';
import { integerOf, selectorOf } from './listing.ts';
import { objectText, type Representation } from './representation.ts';
import { apiVersionOf, type ResourceType } from './resource-type.ts';
import { isTrue, type Route } from './route.ts';
import type { Selector } from './selectors.ts';
import { expired, internalError } from './status.ts';
import type { Change, Store } from './store.ts';

type Query = Readonly<Record<string, string>>;

/** One line of a watch. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly text: string;
}

function lineOf(type: WatchEvent['type'], object: string): WatchEvent {
  return { type, text: `{"type":"${type}","object":${object}}\n` };
}

// A removal shows the same to all watches, so its line is made once.
const removals = new WeakMap<Change, KubeObject>();

function removalOf(change: Change, before: KubeObject): KubeObject {
  let removal = removals.get(change);
  if (!removal) {
    removal = withMetadata(before, { resourceVersion: String(change.revision) });
    removals.set(change, removal);
  }
  return removal;
}

/** Refuses a watch whose next changes are forgotten. */
export function tooOld(revision: number, store: Store): WatchEvent {
  const { status } = expired(`too old resource version: ${revision} (${store.compacted})`);
  return lineOf('ERROR', JSON.stringify(status));
}

/** What a watch shows: first a state, then which changes. */
export class WatchPlan {
  readonly type: ResourceType;
  readonly timeoutSeconds: number | undefined;
  readonly bookmarks: boolean;
  /** Set if the watch cannot begin at the requested version. */
  readonly refusal: WatchEvent | undefined;
  /** What the watch shows before anything new happens. */
  readonly initial: readonly WatchEvent[];
  /** Changes after this revision are new to the watch. */
  readonly after: number;
  readonly #namespace: string | undefined;
  readonly #selector: Selector;
  readonly #representation: Representation;
  /** Most of the time nothing happens between two of them. */
  #lastBookmark: { readonly revision: number; readonly event: WatchEvent } | undefined;

  constructor(route: Route, type: ResourceType, query: Query, store: Store, as: Representation) {
    this.type = type;
    this.timeoutSeconds = integerOf(query, 'timeoutSeconds');
    this.bookmarks = isTrue(query['allowWatchBookmarks']);
    this.#namespace = type.namespaced ? route.namespace : undefined;
    this.#selector = selectorOf(type, query);
    this.#representation = as;
    const version = versionOf(query['resourceVersion'] ?? '');
    if (version === 0) {
      this.initial = this.#stateOf(store);
      this.after = store.revision;
      return;
    }
    const changes = store.changesAfter(version);
    this.after = Math.max(version, store.revision);
    if (!changes) this.refusal = tooOld(version, store);
    this.initial = (changes ?? []).flatMap((change) => this.#show(change) ?? []);
  }

  /** What the watch shows of a change, if anything. */
  eventOf(change: Change): WatchEvent | undefined {
    return change.revision > this.after ? this.#show(change) : undefined;
  }

  /** Tells the client up to which version it has seen everything. */
  bookmark(revision: number): WatchEvent {
    if (this.#lastBookmark?.revision !== revision) {
      this.#lastBookmark = { revision, event: this.#bookmark(revision) };
    }
    return this.#lastBookmark.event;
  }

  #bookmark(revision: number, annotations?: Readonly<Record<string, string>>): WatchEvent {
    const metadata = { resourceVersion: String(revision), annotations };
    const { kind, empty } = this.type;
    const object =
      this.#representation === 'full'
        ? { kind, apiVersion: apiVersionOf(this.type), metadata, ...empty }
        : { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
    return lineOf('BOOKMARK', JSON.stringify(object));
  }

  #stateOf(store: Store): readonly WatchEvent[] {
    const events = store
      .list(this.type, this.#namespace)
      .filter(this.#selector)
      .map((object) => lineOf('ADDED', objectText(object, this.#representation)));
    if (!this.bookmarks) return events;
    const end = { 'k8s.io/initial-events-end': 'true' };
    return [...events, this.#bookmark(store.revision, end)];
  }

  #selects(object: KubeObject | undefined): object is KubeObject {
    if (!object) return false;
    const { namespace } = object.metadata;
    if (this.#namespace !== undefined && namespace !== this.#namespace) return false;
    return this.#selector(object);
  }

  #show(change: Change): WatchEvent | undefined {
    const { type, before, after } = change;
    if (type !== this.type) return undefined;
    const wasShown = this.#selects(before);
    if (this.#selects(after)) {
      return lineOf(wasShown ? 'MODIFIED' : 'ADDED', objectText(after, this.#representation));
    }
    if (!wasShown) return undefined;
    return lineOf('DELETED', objectText(removalOf(change, before), this.#representation));
  }
}

function versionOf(text: string): number {
  if (/^\d*$/.test(text)) return Number(text);
  const shown = JSON.stringify(text);
  throw internalError(
    `resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: invalid syntax`,
  );
}
