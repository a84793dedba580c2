import { abortable, linked } from './abort.ts';
import { type Clock, sleep } from './clock.ts';
import { type Api, REQUEST_TIMEOUT_MS } from './kubernetes/api.ts';
import type { ConfigMapLock } from './kubernetes/config-map-lock.ts';
import { countReplicas, replicaSelector } from './kubernetes/crowd.ts';
import { getNode } from './kubernetes/node.ts';
import { type ApiError, hasStatus, isAmbiguous, isQuotaExceeded } from './kubernetes/outcome.ts';
import { forceDeletePod, getPod, toPod } from './kubernetes/pod.ts';
import { Lookout } from './lookout.ts';
import { backoffMs } from './protocol/delay.ts';
import {
  type Command,
  type Event,
  type Failure,
  type Settings,
  type State,
  awaited,
  start,
  step,
} from './protocol/for-life.ts';
import {
  type Lock,
  type NodeReading,
  type Pod,
  type PodReading,
  holderOf,
} from './protocol/model.ts';
import type { Releases } from './release.ts';

/** How many candidates to reckon with where the Role does not allow to count them. */
const UNKNOWN_CROWD = 10;

/** Replicas that start together do not see each other at once: the first counts age quickly. */
const FIRST_RECOUNT_MS = 60_000;
const MAX_RECOUNT_MS = 60 * 60_000;

/** After this, a create that was sent takes no effect any more. */
const DOUBT_MS = REQUEST_TIMEOUT_MS;

export interface CampaignOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly lock: ConfigMapLock;
  readonly namespace: string;
  readonly podUid: string | undefined;
  readonly settings: Settings;
  readonly observer: CampaignObserver;
  readonly releases: Releases;
}

/** Who looks on. Nothing flows back from here. */
export interface CampaignObserver {
  /** After each step, and after each request that failed and is tried again. */
  onState(state: State, trouble: Error | undefined): void;
  /** An optional right is missing: what still works is slower or knows less. */
  onDegraded(what: 'pods' | 'watch' | 'crowd', error: ApiError): void;
  /** A quota refuses the create. */
  onQuota(error: ApiError): void;
  /** A create cannot be taken back; the lock may be left behind. */
  onLeftBehind(error: unknown): void;
  log(message: string): void;
}

export interface Victory {
  readonly lock: Lock;
  readonly podUid: string;
  readonly attempts: number;
  /**
   * Until when a create without an answer may be on its way: if the lock is given up before, it makes
   * it anew. Later, it has found the lock there.
   */
  readonly doubtUntilMs: number;
  /** To be called after the lock was given up in doubt: sees to it that there is none of this call. */
  readonly settle: () => Promise<void>;
}

/** The protocol decided that this Pod must not lead. */
export class CampaignLost extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.because);
    this.failure = failure;
  }
}

/** One candidate's way to the lock: carries out what the protocol decides, one step at a time. */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #lookout: Lookout;
  /** Marks the lock as created by this very call, and not by another of the same Pod. */
  readonly #attempt: string;
  #state: State;
  #attempts = 0;
  #selector = '';
  #crowd = { size: UNKNOWN_CROWD, dueMs: Number.NEGATIVE_INFINITY, validMs: FIRST_RECOUNT_MS };
  #podsReadable = true;
  /** Created by this call and not yet led with. */
  #created: Lock | undefined;
  /** Until when a create without an answer may still take effect. */
  #doubtUntilMs: number | undefined;

  constructor(options: CampaignOptions) {
    this.#options = options;
    const { api, clock, lock, namespace, settings, observer } = options;
    this.#attempt = clock.uuid();
    this.#state = start(settings, options.podUid);
    this.#lookout = new Lookout({
      api,
      clock,
      lock,
      namespace,
      maxBackoffMs: settings.maxBackoffMs,
      onRefused: (_, error) => {
        observer.onDegraded('watch', error);
      },
    });
  }

  /**
   * Resolves when this Pod holds the lock. Rejects with the signal's reason, a CampaignLost or what
   * the API server refused; by then, whatever this call created is gone again.
   */
  async run(outer: AbortSignal): Promise<Victory> {
    // What one request's failure leaves under way, others of the same look, ends with it.
    const { controller, end } = linked(outer);
    const { signal } = controller;
    try {
      for (;;) {
        const { command } = this.#state;
        if (command.do === 'fail' || command.do === 'withdraw') {
          throw new CampaignLost(command.failure);
        }
        signal.throwIfAborted();
        if (command.do === 'lead') return this.#victory(command.lock);
        const event = await this.#execute(command, signal);
        this.#step(event);
      }
    } catch (error) {
      controller.abort(error);
      this.#lookout.close();
      await this.#withdraw(this.#options.releases.disclaim(this)).catch((cause: unknown) => {
        this.#options.observer.onLeftBehind(cause);
      });
      throw error;
    } finally {
      end();
      this.#lookout.close();
    }
  }

  #victory(lock: Lock): Victory {
    return {
      lock,
      podUid: this.#state.podUid ?? '',
      attempts: this.#attempts,
      doubtUntilMs: this.#doubtUntilMs ?? Number.NEGATIVE_INFINITY,
      settle: () => this.#takeBack(undefined),
    };
  }

  #step(event: Event): void {
    const { clock, observer } = this.#options;
    this.#state = step(this.#state, event, { nowMs: clock.now(), random: clock.random() });
    observer.onState(this.#state, undefined);
  }

  async #execute(
    command: Exclude<Command, { do: 'lead' | 'withdraw' | 'fail' }>,
    signal: AbortSignal,
  ): Promise<Event> {
    const { api, lock, namespace } = this.#options;
    switch (command.do) {
      case 'identify':
        return { type: 'identified', self: await this.#readSelf(signal) };
      case 'attempt':
        return this.#attemptLock(command.podUid, command.verify, signal);
      case 'inspect':
        return this.#inspectWhileHeld(signal);
      case 'reclaim': {
        const reclaim = () => lock.delete(command.lock, signal);
        return { type: 'reclaimed', mine: await this.#persist(reclaim, signal) };
      }
      case 'evict':
        await this.#persist(() => forceDeletePod(api, namespace, command.pod, signal), signal);
        return { type: 'evicted' };
      case 'wait':
        return (await this.#lookout.next(command.untilMs, signal)) ?? { type: 'time-up' };
    }
  }

  /** Repeats an idempotent request until it gets a definite answer. */
  #persist<T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { api, settings, observer } = this.#options;
    return api.retry(operation, {
      signal,
      maxBackoffMs: settings.maxBackoffMs,
      onRetry: (error, delayMs) => {
        observer.log(`${error.message}; trying again in ${Math.round(delayMs)} ms`);
        observer.onState(this.#state, error);
      },
    });
  }

  /** Creates the lock, and makes sure who I am and that nobody else leads, in one round trip. */
  async #attemptLock(podUid: string, verify: boolean, signal: AbortSignal): Promise<Event> {
    this.#attempts += 1;
    const { releases } = this.#options;
    const { deletions } = releases;
    const { controller: verifying, end } = linked(signal);
    const create = this.#create(podUid, signal);
    // Not with its error: why it was refused says nothing of what else is read.
    create.catch(() => {
      verifying.abort();
    });
    const [created, self, predecessors] = await Promise.allSettled([
      create,
      verify ? this.#verifySelf(verifying.signal) : ('unreadable' as const),
      this.#readPredecessors(verifying.signal),
    ]);
    end();
    if (created.status === 'rejected') throw created.reason;
    if (self.status === 'rejected') throw self.reason;
    if (predecessors.status === 'rejected') throw predecessors.reason;
    const outcome = created.value;
    // Meanwhile, another call of this process may have led with it, and released it.
    const isGone = typeof outcome === 'object' && !releases.claim(outcome, this, deletions);
    return {
      type: 'attempted',
      outcome: isGone ? 'exists' : outcome,
      self: self.value,
      predecessors: predecessors.value,
    };
  }

  async #create(podUid: string, signal: AbortSignal): Promise<Lock | 'exists' | 'quota'> {
    const { clock, lock, settings } = this.#options;
    const owner = { name: settings.podName, uid: podUid };
    const create = async () => {
      try {
        return await lock.create(owner, this.#attempt, this.#state.predecessors);
      } catch (error) {
        if (isAmbiguous(error)) this.#doubtUntilMs = clock.now() + DOUBT_MS;
        throw error;
      }
    };
    try {
      const outcome = await this.#persist(create, signal);
      if (typeof outcome !== 'object') return outcome;
      this.#created = outcome;
      // Another call of this process may have led with it, and released it, before the answer came.
      return this.#options.releases.claim(outcome, this) ? outcome : 'exists';
    } catch (error) {
      if (!isQuotaExceeded(error)) throw error;
      this.#options.observer.onQuota(error);
      return 'quota';
    }
  }

  /** My own Pod; its labels tell how many others there are. */
  #readSelf(signal: AbortSignal): Promise<Pod | 'absent'> {
    const { api, namespace, settings } = this.#options;
    return this.#persist(
      () =>
        getPod(api, namespace, settings.podName, signal, (object) => {
          this.#selector = replicaSelector(object);
          return toPod(object);
        }),
      signal,
    );
  }

  async #verifySelf(signal: AbortSignal): Promise<PodReading> {
    return this.#ifPermitted(() => this.#readSelf(signal));
  }

  #readPredecessors(signal: AbortSignal): Promise<PodReading[]> {
    return Promise.all(this.#state.predecessors.map(({ name }) => this.#readPod(name, signal)));
  }

  async #ifPermitted(read: () => Promise<Pod | 'absent'>): Promise<PodReading> {
    if (!this.#podsReadable) return 'unreadable';
    try {
      return await read();
    } catch (error) {
      if (!hasStatus(error, 403)) throw error;
      this.#podsReadable = false;
      this.#options.observer.onDegraded('pods', error);
      return 'unreadable';
    }
  }

  /** A lock that goes while it is looked at need not be looked at further. */
  async #inspectWhileHeld(signal: AbortSignal): Promise<Event> {
    const uid = this.#state.lock?.uid;
    const gone = this.#lookout.untilGone(uid);
    const { controller, end } = linked(signal, gone.signal);
    try {
      return await this.#inspect(controller.signal);
    } catch (error) {
      if (signal.aborted || !gone.signal.aborted || uid === undefined) throw error;
      return this.#lookout.takeHolderSeen() ?? { type: 'lock-gone', uid };
    } finally {
      // What a failure has left under way of this look ends with it.
      controller.abort();
      end();
      gone.end();
    }
  }

  /** Reads afresh, after the watches are open: what happens later is a hint. */
  async #inspect(signal: AbortSignal): Promise<Event> {
    const { releases } = this.#options;
    await abortable(this.#lookout.watchLock(), signal);
    const { deletions } = releases;
    const expected = awaited(this.#state);
    const [lock, early] = await Promise.all([
      this.#readLock(signal),
      expected && this.#readHolder(expected.name, signal),
    ]);
    const holder = lock && awaited(this.#state, lock);
    if (lock && !holder) this.#lookout.forgetHolder();
    const [reading] = await Promise.all([
      holder && holder.name !== expected?.name ? this.#readHolder(holder.name, signal) : early,
      holder && this.#count(signal),
    ]);
    const node = reading && (await this.#readNode(reading, signal));
    // As above: it may have been released while the rest was read.
    if (lock && this.#isMine(lock) && !releases.claim(lock, this, deletions)) {
      return this.#inspect(signal);
    }
    const watched = this.#lookout.complete;
    const found = { lock, holder: reading ?? 'unreadable', watched, crowd: this.#crowd.size };
    return { type: 'inspected', ...found, ...(node && { node }) };
  }

  async #readLock(signal: AbortSignal): Promise<Lock | undefined> {
    const { clock, lock, releases, settings } = this.#options;
    const startedMs = clock.now();
    let found = await this.#persist(() => lock.get(signal), signal);
    let stale = 0;
    while (found && this.#isMine(found) && !releases.claim(found, this)) {
      // What this process has deleted and still reads is out of date, and may be so for long.
      if (releases.isEnding(found)) await abortable(releases.settled(found), signal);
      else await sleep(clock, backoffMs(stale++, settings.maxBackoffMs, clock.random()), signal);
      found = await this.#persist(() => lock.get(signal), signal);
    }
    // Made by a create without an answer: to be taken back, also when the time of doubt is over.
    if (found?.attempt === this.#attempt) this.#created = found;
    if (this.#doubtUntilMs !== undefined && startedMs >= this.#doubtUntilMs) {
      this.#doubtUntilMs = undefined;
    }
    return found;
  }

  #isMine(lock: Lock): boolean {
    return !lock.deleting && holderOf(lock)?.uid === this.#state.podUid;
  }

  /** Only where a node that is not ready matters. */
  async #readNode(holder: PodReading, signal: AbortSignal): Promise<NodeReading | undefined> {
    const { api, settings } = this.#options;
    if (settings.takeOverFromNotReadyNodeAfterMs === undefined) return undefined;
    if (typeof holder === 'string' || holder.nodeName === undefined) return undefined;
    const { nodeName } = holder;
    await abortable(this.#lookout.watchNode(nodeName), signal);
    return this.#persist(() => getNode(api, nodeName, signal), signal);
  }

  async #readHolder(name: string, signal: AbortSignal): Promise<PodReading> {
    if (this.#podsReadable) await abortable(this.#lookout.watchHolder(name), signal);
    return this.#readPod(name, signal);
  }

  #readPod(name: string, signal: AbortSignal): Promise<PodReading> {
    const { api, namespace } = this.#options;
    return this.#ifPermitted(() =>
      this.#persist(() => getPod(api, namespace, name, signal), signal),
    );
  }

  /** A rough number that saves the API server work; what goes wrong here does not matter. */
  async #count(signal: AbortSignal): Promise<void> {
    const { api, clock, namespace, observer } = this.#options;
    const { dueMs, validMs } = this.#crowd;
    if (clock.now() < dueMs || !this.#podsReadable) return;
    try {
      const size = await countReplicas(api, namespace, this.#selector, signal);
      const next = Math.min(validMs * 2, MAX_RECOUNT_MS);
      this.#crowd = { size, dueMs: clock.now() + validMs, validMs: next };
    } catch (error) {
      signal.throwIfAborted();
      if (!hasStatus(error, 403) || api.isTransient(error)) return;
      this.#crowd = { ...this.#crowd, dueMs: Number.POSITIVE_INFINITY };
      observer.onDegraded('crowd', error);
    }
  }

  /** Sees to it that no lock of this call is there, nor will be. */
  async #withdraw(left: Lock | undefined): Promise<void> {
    const { api, lock, releases } = this.#options;
    if (left) await releases.release(api, lock, left, this.#state.podUid ?? '');
    if (!this.#created && this.#doubtUntilMs === undefined) return;
    await this.#takeBack(this.#created);
  }

  /** Deletes what was created, also by a create that is still on its way. */
  async #takeBack(known: Lock | undefined): Promise<void> {
    const { api, clock, lock, observer, releases } = this.#options;
    const stubborn = { maxBackoffMs: 2_000, withinMs: 15_000 };
    for (;;) {
      const doubtMs = (this.#doubtUntilMs ?? 0) - clock.now();
      const mine = (known ??= await api.retry(() => lock.get(), stubborn));
      known = undefined;
      if (mine?.attempt === this.#attempt) {
        observer.log('taking back the lock that was created');
        const remove = () => api.retry(() => lock.delete(mine), stubborn);
        if (!(await releases.takeBack(mine, remove))) continue;
      }
      if (doubtMs <= 0) return;
      // Another create may still be on its way.
      await sleep(clock, doubtMs);
    }
  }
}
