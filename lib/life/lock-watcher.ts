import { type Clock } from '../platform/clock.ts';
import { HintQueue } from '../platform/hint-queue.ts';
import type { Api } from '../kubernetes/api.ts';
import type { ConfigMapLock } from '../kubernetes/config-map-lock.ts';
import { toLock } from '../kubernetes/config-map-lock.ts';
import type { Json } from '../kubernetes/json.ts';
import { nodesPath, toNode } from '../kubernetes/node.ts';
import type { ApiError } from '../kubernetes/outcome.ts';
import { podsPath, toPod } from '../kubernetes/pod.ts';
import { ObjectWatch, SilentWatchError, type WatchTarget } from '../kubernetes/watch.ts';
import { createLog } from '../platform/log.ts';
import { isSameTenure } from '../protocol/life/predecessors.ts';
import type { Hint, Watched } from '../protocol/life/state.ts';
import type { Lock, NodeReading } from '../protocol/model.ts';
import type { CampaignObserver } from './campaign-options.ts';

const log = createLog('watch');

export interface LockWatcherOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly lock: ConfigMapLock;
  readonly namespace: string;
  readonly maxBackoffMs: number;
  readonly observer: Pick<CampaignObserver, 'onDegraded' | 'onSilent'>;
}

/** A look shows what was missed, but no lock that has come and gone: its last hint is kept. */
function shortened(hints: readonly Hint[]): Hint[] {
  const locks = hints.filter((hint) => 'lock' in hint);
  const last = locks.filter(({ lock }, index) => {
    return !locks.slice(index + 1).some((later) => isSameTenure(later.lock, lock));
  });
  return [{ type: 'watch-opened', of: 'lock' }, ...last];
}

interface Post {
  readonly target: WatchTarget;
  readonly watch: ObjectWatch;
  readonly stop: AbortController;
  /** Resolves once the watch is open, or known to be unavailable. */
  readonly settled: Promise<void>;
}

/** Watches the lock, its holder and the holder's node, and keeps the hints until they are read. */
export class LockWatcher {
  readonly #options: LockWatcherOptions;
  readonly #posts = new Map<Watched, Post>();
  readonly #hints: HintQueue<Hint>;
  /** UID of the lock that this candidate deleted last: hints about it are dropped. */
  #ignoredUid: string | undefined;

  constructor(options: LockWatcherOptions) {
    this.#options = options;
    const isIgnored = (hint: Hint) => 'lock' in hint && hint.lock.uid === this.#ignoredUid;
    this.#hints = new HintQueue<Hint>(options.clock, shortened, isIgnored);
  }

  /** Whether every requested watch is open, and shows something. */
  get complete(): boolean {
    return [...this.#posts.values()].every(({ watch }) => watch.isOpen);
  }

  /**
   * Watches the lock from now on. Resolves once the watch is open, or known to be unavailable.
   * Together, later reads and hints miss nothing.
   */
  async watchLock(): Promise<void> {
    const { lock } = this.#options;
    await this.#watch('lock', { path: lock.path, name: lock.name }, (type, object) => {
      const seen = toLock(object);
      return type === 'DELETED'
        ? { type: 'lock-gone', lock: seen }
        : { type: 'lock-seen', lock: seen };
    });
  }

  /** Watches the Pod that holds the lock, in place of another one. Resolves as `watchLock` does. */
  async watchHolder(podName: string): Promise<void> {
    const target = { path: podsPath(this.#options.namespace), name: podName };
    await this.#watch('holder', target, (type, object) => {
      const pod = toPod(object);
      return { type: 'pod-seen', pod: { of: pod, found: type === 'DELETED' ? 'absent' : pod } };
    });
  }

  /** Watches a node. Its heartbeats are not hints. Resolves as `watchLock` does. */
  async watchNode(name: string): Promise<void> {
    let last: NodeReading | undefined;
    await this.#watch('node', { path: nodesPath, name }, (type, object) => {
      const reading = type === 'DELETED' ? 'absent' : toNode(object);
      const changed = last !== undefined && last !== reading;
      last = reading;
      return changed ? { type: 'node-changed' } : undefined;
    });
  }

  /** A read has found the watched object, so its watch has to show it, too. */
  expect(watched: Watched, name: string): void {
    const post = this.#posts.get(watched);
    if (post?.target.name === name) post.watch.expect();
  }

  /** The lock is free: there is no holder to watch. */
  forgetHolder(): void {
    for (const watched of ['holder', 'node'] as const) this.#stop(watched);
  }

  /**
   * Resolves with the next hint, or with undefined when the time is up. Rejects when the signal
   * aborts.
   */
  next(untilMs: number, signal: AbortSignal): Promise<Hint | undefined> {
    return this.#hints.next(untilMs, signal);
  }

  /** The candidate may take the lock again. */
  unbar(): void {
    this.#hints.push({ type: 'unbarred' });
  }

  /** Aborts as soon as a hint says that this lock is gone. */
  untilGone(uid: string | undefined): { readonly signal: AbortSignal; end(): void } {
    const controller = new AbortController();
    const look = () => {
      if (this.#hints.kept.some((hint) => isEndOf(uid, hint))) controller.abort();
    };
    look();
    const end = this.#hints.listen(look);
    return { signal: controller.signal, end };
  }

  /** Takes the hint that the lock is gone, and drops earlier hints about that lock. */
  takeGone(uid: string): Hint | undefined {
    const gone = this.#hints.take((hint) => isEndOf(uid, hint));
    this.#hints.drop((hint) => hint.type === 'lock-seen' && hint.lock.uid === uid);
    return gone;
  }

  /** This candidate has deleted the lock: hints about it say nothing new. */
  ignore({ uid }: Lock): void {
    this.#ignoredUid = uid;
    this.#dropLocks((lock) => lock.uid === uid);
  }

  /** The locks of hints that were never read. */
  get missedLocks(): readonly Lock[] {
    return this.#hints.kept.flatMap((hint) => ('lock' in hint ? [hint.lock] : []));
  }

  /** Removes the hints about locks, and returns these locks. */
  takeLocks(): readonly Lock[] {
    const missed = this.missedLocks;
    this.#dropLocks(() => true);
    return missed;
  }

  close(): void {
    for (const watched of this.#posts.keys()) this.#stop(watched);
    this.#hints.drop(() => true);
  }

  #dropLocks(test: (lock: Lock) => boolean): void {
    this.#hints.drop((hint) => 'lock' in hint && test(hint.lock));
  }

  async #watch(
    watched: Watched,
    target: WatchTarget,
    toHint: (type: string, object: Json) => Hint | undefined,
  ): Promise<void> {
    const old = this.#posts.get(watched);
    if (old?.target.name !== target.name) {
      this.#stop(watched);
      this.#posts.set(watched, this.#start(watched, target, toHint));
    }
    await this.#posts.get(watched)?.settled;
    // Later reads include whatever happened before the watch opened.
    this.#hints.drop((hint) => hint.type === 'watch-opened' && hint.of === watched);
  }

  #start(
    watched: Watched,
    target: WatchTarget,
    toHint: (type: string, object: Json) => Hint | undefined,
  ): Post {
    const { api, clock, maxBackoffMs, observer } = this.#options;
    const { promise: settled, resolve: settle } = Promise.withResolvers<undefined>();
    const stop = new AbortController();
    const hint = (found: Hint | undefined) => {
      if (found && !stop.signal.aborted) this.#hints.push(found);
    };
    const listener = {
      onOpen: () => {
        log(`${target.name}: watching the ${watched}`);
        hint({ type: 'watch-opened', of: watched });
        settle(undefined);
      },
      onEvent: (type: string, object: Json) => {
        hint(toHint(type, object));
      },
      onLost: (error: unknown) => {
        const why = error instanceof Error ? error.message : 'the server ended it';
        log(`${target.name}: lost the watch on the ${watched}: ${why}`);
        if (error instanceof SilentWatchError) observer.onSilent(error);
        hint({ type: 'watch-lost', of: watched });
        settle(undefined);
      },
      onRefused: (error: ApiError) => {
        observer.onDegraded('watch', error);
        settle(undefined);
      },
    };
    const watch = new ObjectWatch(api, clock, target, listener, maxBackoffMs);
    void watch.run(stop.signal).then(() => {
      settle(undefined);
    });
    return { target, watch, stop, settled };
  }

  #stop(watched: Watched): void {
    this.#posts.get(watched)?.stop.abort();
    this.#posts.delete(watched);
    this.#hints.drop((hint) => 'of' in hint && hint.of === watched);
  }
}

function isEndOf(uid: string | undefined, hint: Hint): boolean {
  return hint.type === 'lock-gone' && hint.lock.uid === uid;
}
