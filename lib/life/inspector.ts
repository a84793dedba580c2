import { abortable, linked } from '../platform/abort.ts';
import { hasStatus } from '../kubernetes/outcome.ts';
import { getNode } from '../kubernetes/node.ts';
import { getPod, toPod } from '../kubernetes/pod.ts';
import { isSameTenure } from '../protocol/life/predecessors.ts';
import { type Event, type State, awaited, podsToRead } from '../protocol/life/state.ts';
import type { Lock, NodeReading, Pod, PodIdentity, PodReading } from '../protocol/model.ts';
import { CandidateCount } from './candidate-count.ts';
import type { CampaignOptions, Persist } from './campaign-options.ts';
import type { LockWatcher } from './lock-watcher.ts';
import type { OwnCreates } from './own-creates.ts';
import type { SeenLocks } from './seen-locks.ts';

/** What an inspector shares with its campaign. */
export interface InspectorParts {
  readonly options: CampaignOptions;
  readonly watcher: LockWatcher;
  readonly creates: OwnCreates;
  readonly seen: SeenLocks;
  readonly persist: Persist;
}

/** The reads of a campaign: the lock, the Pods that matter, and the holder's node. */
export class Inspector {
  readonly #parts: InspectorParts;
  readonly #count: CandidateCount;
  #podsReadable = true;

  constructor(parts: InspectorParts) {
    this.#parts = parts;
    this.#count = new CandidateCount(parts.options, parts.persist);
  }

  /** This Pod; its labels show which Pods are replicas. */
  readSelf(signal: AbortSignal): Promise<Pod | 'absent'> {
    const { api, namespace, settings } = this.#parts.options;
    return this.#parts.persist(
      () =>
        getPod(api, namespace, settings.podName, signal, (object) => {
          this.#count.of(object);
          return toPod(object);
        }),
      signal,
    );
  }

  async verifySelf(podUid: string, signal: AbortSignal): Promise<PodReading> {
    return {
      of: { name: this.#parts.options.settings.podName, uid: podUid },
      found: await this.#ifPermitted(() => this.readSelf(signal)),
    };
  }

  readPods(pods: readonly PodIdentity[], signal: AbortSignal): Promise<PodReading[]> {
    const { api, namespace } = this.#parts.options;
    return Promise.all(
      pods.map(async (of) => {
        const read = () =>
          this.#parts.persist(() => getPod(api, namespace, of.name, signal), signal);
        const found = await this.#ifPermitted(read);
        if (typeof found !== 'string') this.#parts.watcher.expect('holder', of.name);
        return { of, found };
      }),
    );
  }

  /** If the lock goes during the look, there is nothing more to read. */
  async inspect(state: State, search: boolean, signal: AbortSignal): Promise<Event> {
    const { watcher } = this.#parts;
    const uid = state.lock?.uid;
    const gone = watcher.untilGone(uid);
    const { controller, end } = linked(signal, gone.signal);
    try {
      return await this.#inspect(state, search, controller.signal, () => gone.end());
    } catch (error) {
      if (signal.aborted || !gone.signal.aborted || uid === undefined) throw error;
      const hint = watcher.takeGone(uid);
      if (hint) return hint;
      throw error;
    } finally {
      // The other requests of this look end with it.
      controller.abort();
      end();
      gone.end();
    }
  }

  /**
   * Reads after the watches are open, so that what happens later is a hint. If it has found another
   * lock than the known one, the look is completed: that lock's holder must not be forgotten.
   */
  async #inspect(
    state: State,
    search: boolean,
    signal: AbortSignal,
    seeThrough: () => void,
  ): Promise<Event> {
    const { watcher, seen } = this.#parts;
    await abortable(watcher.watchLock(), signal);
    const read = async () => {
      const lock = await this.#readLock(state, signal);
      if (!isSameTenure(state.lock, lock)) seeThrough();
      return lock;
    };
    const [lock, early] = await Promise.all([
      read(),
      state.lock ? this.#watchAndRead(state, state.lock, signal) : [],
    ]);
    const isSame = isSameTenure(state.lock, lock);
    const [pods] = await Promise.all([
      // Earlier reads of a Pod say nothing once its lock has ended.
      isSame ? early : this.#watchAndRead(state, lock, signal),
      lock && this.#count.refresh(this.#podsReadable, signal),
    ]);
    const holder = pods.find(({ of }) => of.uid === awaited(state, lock)?.uid);
    const searches = !lock && search && this.#podsReadable;
    const leaving = searches ? await this.#count.searchLeaving(signal) : undefined;
    const node = holder && (await this.#readNode(holder, signal));
    const watched = watcher.complete;
    seen.forget();
    return {
      type: 'inspected',
      lock,
      pods,
      node,
      leaving,
      watched,
      candidateCount: this.#count.size,
    };
  }

  async #watchAndRead(
    state: State,
    lock: Lock | undefined,
    signal: AbortSignal,
  ): Promise<PodReading[]> {
    const { watcher } = this.#parts;
    const first = awaited(state, lock);
    if (!first) watcher.forgetHolder();
    else if (this.#podsReadable) await abortable(watcher.watchHolder(first.name), signal);
    return this.readPods(podsToRead(state, lock), signal);
  }

  async #readLock(state: State, signal: AbortSignal): Promise<Lock | undefined> {
    const { options, watcher, seen, creates } = this.#parts;
    const { clock, lock, unconfirmed } = options;
    const startedMs = clock.now();
    const found = await this.#parts.persist(() => lock.get(signal), signal);
    if (found) watcher.expect('lock', lock.name);
    seen.add(found);
    creates.onRead(found, startedMs, state.podUid);
    // A lock that this process has tried to end may go at any moment, so it counts as released.
    return found && unconfirmed.has(found.uid) ? { ...found, released: true } : found;
  }

  /** Only if a node that is not ready matters. */
  async #readNode({ found }: PodReading, signal: AbortSignal): Promise<NodeReading | undefined> {
    const { options, watcher } = this.#parts;
    const { api, settings } = options;
    if (settings.takeOverFromNotReadyNodeAfterMs === undefined) return undefined;
    if (typeof found === 'string' || found.nodeName === undefined) return undefined;
    const { nodeName } = found;
    await abortable(watcher.watchNode(nodeName), signal);
    const node = await this.#parts.persist(() => getNode(api, nodeName, signal), signal);
    if (node !== 'absent') watcher.expect('node', nodeName);
    return node;
  }

  async #ifPermitted(read: () => Promise<Pod | 'absent'>): Promise<PodReading['found']> {
    if (!this.#podsReadable) return 'unreadable';
    try {
      return await read();
    } catch (error) {
      if (!hasStatus(error, 403)) throw error;
      this.#podsReadable = false;
      this.#parts.options.observer.onDegraded('pods', error);
      return 'unreadable';
    }
  }
}
