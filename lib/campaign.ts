import { abortable, linked } from './abort.ts';
import { type Clock, sleep } from './clock.ts';
import { LeaderElectionError } from './errors.ts';
import type { Api } from './kubernetes/api.ts';
import type { ConfigMapLock } from './kubernetes/config-map-lock.ts';
import { countReplicas, leavingReplicas, replicaSelector } from './kubernetes/crowd.ts';
import { getNode } from './kubernetes/node.ts';
import { type ApiError, hasStatus, isQuotaExceeded } from './kubernetes/outcome.ts';
import { forceDeletePod, getPod, toPod } from './kubernetes/pod.ts';
import type { SilentWatchError } from './kubernetes/watch.ts';
import { Lookout } from './lookout.ts';
import {
  type Command,
  type Event,
  type Failure,
  type Settings,
  type State,
  awaited,
  podsToRead,
  start,
  step,
} from './protocol/for-life.ts';
import {
  type Lock,
  type NodeReading,
  type Pod,
  type PodIdentity,
  type PodReading,
  holderOf,
} from './protocol/model.ts';
import { afterEnd, predecessorsAt, sameTenure } from './protocol/predecessors.ts';
import { type ReleaseParts, release } from './release.ts';
import { type UnconfirmedEnds, mayLand } from './unconfirmed.ts';

/** How many candidates to reckon with where the Role does not allow to count them. */
const UNKNOWN_CROWD = 10;

/** Replicas that start together do not see each other at once: the first counts age quickly. */
const FIRST_RECOUNT_MS = 60_000;
const MAX_RECOUNT_MS = 60 * 60_000;

/** With the last request's own time, less than the usual grace of a Pod that has to go. */
const PATIENCE = { maxBackoffMs: 2_000, withinMs: 15_000 };

/** A create that has not taken effect this long after it was sent never will: the API server is given 8 s. */
const LANDING_MS = 9_000;

/** After an abort, a create that was sent is waited for this long: the API server drops it by then. */
const LAST_ANSWER_MS = 8_000;

/** After an abort, the whole call takes no longer than this. */
const WITHDRAWAL_MS = 9_500;

export interface CampaignOptions {
  readonly api: Api;
  readonly clock: Clock;
  readonly lock: ConfigMapLock;
  readonly namespace: string;
  readonly podUid: string | undefined;
  readonly settings: Settings;
  readonly observer: CampaignObserver;
  readonly unconfirmed: UnconfirmedEnds;
  /** Those that an earlier call of this process has left. */
  readonly predecessors: readonly PodIdentity[];
}

/** Who looks on. Nothing flows back from here. */
export interface CampaignObserver {
  /** After each step, and after each request that failed and is tried again. */
  onState(state: State, trouble: Error | undefined): void;
  /** An optional right is missing: what still works is slower or knows less. */
  onDegraded(what: 'pods' | 'watch' | 'crowd' | 'mark', error: ApiError): void;
  /** A watch shows nothing: it is not relied on. */
  onSilent(error: SilentWatchError): void;
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
  /** Gives up the lock, and any that a create of this call without an answer makes later. */
  readonly release: () => Promise<void>;
  /**
   * The lock is lost; these were found instead, oldest first. Takes back what a create of this call without an
   * answer makes later. Never rejects: the observer is told.
   */
  readonly lost: (others: readonly Lock[]) => Promise<void>;
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
  /** Aborts when a create that was sent before the campaign ended is waited for no longer. */
  readonly #abandon = new AbortController();
  #state: State;
  #attempts = 0;
  #selector = '';
  #crowd = { size: UNKNOWN_CROWD, dueMs: Number.NEGATIVE_INFINITY, validMs: FIRST_RECOUNT_MS };
  #podsReadable = true;
  /** A create of this call may have stored a lock that it does not lead with. */
  #mayHaveCreated = false;
  /** The locks that were read since the protocol was told last, oldest first. */
  #seen: readonly Lock[] = [];
  /** The predecessors that creates of this call have noted, of which one may have stored the lock. */
  readonly #notes = new Set<string>();
  /** Until when a create without an answer may still take effect. */
  #createMayLandUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: CampaignOptions) {
    this.#options = options;
    const { api, clock, lock, namespace, settings, observer } = options;
    this.#attempt = clock.uuid();
    this.#state = start(settings, options.podUid, options.predecessors);
    this.#lookout = new Lookout({
      api,
      clock,
      lock,
      namespace,
      maxBackoffMs: settings.maxBackoffMs,
      onRefused: (_, error) => {
        observer.onDegraded('watch', error);
      },
      onSilent: (error) => {
        observer.onSilent(error);
      },
    });
  }

  /**
   * Resolves when this Pod holds the lock and has no predecessors. Rejects with the signal's reason, a
   * CampaignLost or what the API server refused; by then, whatever this call created is gone again, or
   * the observer was told.
   */
  async run(outer: AbortSignal): Promise<Victory> {
    // What one request's failure leaves under way, others of the same look, ends with it.
    const { controller, end } = linked(outer);
    const { signal } = controller;
    const withdrawal = this.#withdrawalLimit();
    outer.addEventListener('abort', withdrawal.begin, { once: true });
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
      withdrawal.begin();
      controller.abort(error);
      for (const missed of this.#lookout.missedLocks) this.#saw(missed);
      this.#lookout.close();
      await this.#withdraw(undefined, withdrawal.signal);
      throw error;
    } finally {
      outer.removeEventListener('abort', withdrawal.begin);
      withdrawal.end();
      end();
      this.#lookout.close();
    }
  }

  /** The Pods that may still lead, in case every lock that was seen has ended by now. */
  get predecessors(): readonly PodIdentity[] {
    return this.#seen.reduce(
      (predecessors, lock) => afterEnd({ ...this.#state, lock: undefined, predecessors }, lock),
      predecessorsAt(this.#state, undefined),
    );
  }

  /** Limits how long it takes to give up, from when it begins. */
  #withdrawalLimit() {
    const { clock } = this.#options;
    const limit = new AbortController();
    let timers: (() => void)[] = [];
    const abort = (controller: AbortController) => () => {
      controller.abort(new Error('the API server did not answer in time'));
    };
    const begin = () => {
      if (timers.length > 0) return;
      timers = [
        clock.after(LAST_ANSWER_MS, abort(this.#abandon)),
        clock.after(WITHDRAWAL_MS, abort(limit)),
      ];
    };
    const end = () => {
      for (const cancel of timers) cancel();
    };
    return { begin, end, signal: limit.signal };
  }

  #victory(lock: Lock): Victory {
    const podUid = this.#state.podUid ?? '';
    const sawInstead = (others: readonly Lock[]) => {
      for (const other of others) this.#saw(other);
      const isStray = ({ attempt, uid }: Lock) => attempt === this.#attempt && uid !== lock.uid;
      this.#mayHaveCreated = others.some(isStray);
    };
    return {
      lock,
      podUid,
      attempts: this.#attempts,
      release: async () => {
        const other = await release(this.#releaseParts(), lock, podUid);
        sawInstead(other ? [other] : []);
        await this.#takeBack(lock);
      },
      lost: async (others) => {
        sawInstead(others);
        await this.#withdraw(lock);
      },
    };
  }

  #saw(lock: Lock | undefined): void {
    if (lock) this.#seen = [...this.#seen.filter((other) => !sameTenure(other, lock)), lock];
  }

  #releaseParts(): ReleaseParts {
    const { api, lock, unconfirmed, observer } = this.#options;
    const onUnmarked = (error: ApiError) => {
      observer.onDegraded('mark', error);
    };
    return { api, lock, unconfirmed, onUnmarked };
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
    const { api, namespace } = this.#options;
    switch (command.do) {
      case 'identify':
        return { type: 'identified', self: await this.#readSelf(signal) };
      case 'attempt':
        return this.#attemptLock(command.podUid, command.verify, signal);
      case 'inspect':
        return this.#inspectWhileHeld(command.search, signal);
      case 'reclaim':
        return { type: 'reclaimed', mine: await this.#reclaim(command.lock, signal) };
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

  async #reclaim(left: Lock, signal: AbortSignal): Promise<boolean> {
    const { lock, unconfirmed } = this.#options;
    const reclaim = () => unconfirmed.send(left.uid, () => lock.delete(left, signal));
    const isMine = await this.#persist(reclaim, signal);
    if (isMine) unconfirmed.delete(left.uid);
    return isMine;
  }

  /** Creates the lock, and reads in the same round trip who I am and who may still lead. */
  async #attemptLock(podUid: string, verify: boolean, signal: AbortSignal): Promise<Event> {
    this.#attempts += 1;
    const { controller: verifying, end } = linked(signal);
    const create = this.#create(podUid, signal);
    // Not with its error: why it was refused says nothing of what else is read.
    create.catch(() => {
      verifying.abort();
    });
    const [created, self, predecessors] = await Promise.allSettled([
      create,
      verify ? this.#verifySelf(podUid, verifying.signal) : undefined,
      this.#readPods(this.#state.predecessors, verifying.signal),
    ]);
    end();
    if (created.status === 'rejected') throw created.reason;
    if (self.status === 'rejected') throw self.reason;
    if (predecessors.status === 'rejected') throw predecessors.reason;
    return {
      type: 'attempted',
      outcome: created.value,
      self: self.value,
      predecessors: predecessors.value,
    };
  }

  async #create(podUid: string, signal: AbortSignal): Promise<Lock | 'exists' | 'quota'> {
    const { clock, lock } = this.#options;
    const { predecessors } = this.#state;
    const create = async () => {
      const untilMs = clock.now() + LANDING_MS;
      const before = this.#mayHaveCreated;
      this.#mayHaveCreated = true;
      if (!before) this.#notes.clear();
      this.#notes.add(noteOf(predecessors));
      try {
        // A create that was sent is seen through, or nobody would know whether it won.
        const { signal: abandoned } = this.#abandon;
        const self = this.#self(podUid);
        return await lock.create(self, this.#attempt, predecessors, abandoned, signal);
      } catch (error) {
        if (mayLand(error)) this.#createMayLandUntilMs = untilMs;
        else this.#mayHaveCreated = before;
        throw error;
      }
    };
    try {
      return await this.#persist(create, signal);
    } catch (error) {
      if (!isQuotaExceeded(error)) throw error;
      this.#options.observer.onQuota(error);
      return 'quota';
    }
  }

  #self(podUid: string): PodIdentity {
    return { name: this.#options.settings.podName, uid: podUid };
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

  async #verifySelf(podUid: string, signal: AbortSignal): Promise<PodReading> {
    return { of: this.#self(podUid), found: await this.#ifPermitted(() => this.#readSelf(signal)) };
  }

  #readPods(pods: readonly PodIdentity[], signal: AbortSignal): Promise<PodReading[]> {
    const { api, namespace } = this.#options;
    return Promise.all(
      pods.map(async (of) => {
        const read = () => this.#persist(() => getPod(api, namespace, of.name, signal), signal);
        const found = await this.#ifPermitted(read);
        if (typeof found !== 'string') this.#lookout.expect('holder', of.name);
        return { of, found };
      }),
    );
  }

  async #ifPermitted(read: () => Promise<Pod | 'absent'>): Promise<PodReading['found']> {
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
  async #inspectWhileHeld(search: boolean, signal: AbortSignal): Promise<Event> {
    const uid = this.#state.lock?.uid;
    const gone = this.#lookout.untilGone(uid);
    const { controller, end } = linked(signal, gone.signal);
    try {
      return await this.#inspect(search, controller.signal, () => {
        gone.end();
      });
    } catch (error) {
      if (signal.aborted || !gone.signal.aborted || uid === undefined) throw error;
      const hint = this.#lookout.takeGone(uid);
      if (hint) return hint;
      throw error;
    } finally {
      // What a failure has left under way of this look ends with it.
      controller.abort();
      end();
      gone.end();
    }
  }

  /**
   * Reads afresh, after the watches are open: what happens later is a hint. Once it has found another lock
   * than the one that was known, the look is seen through: its holder must not be forgotten.
   */
  async #inspect(search: boolean, signal: AbortSignal, seeThrough: () => void): Promise<Event> {
    const state = this.#state;
    await abortable(this.#lookout.watchLock(), signal);
    const read = async () => {
      const lock = await this.#readLock(signal);
      if (!sameTenure(state.lock, lock)) seeThrough();
      return lock;
    };
    const [lock, early] = await Promise.all([
      read(),
      state.lock ? this.#watchAndRead(state.lock, signal) : [],
    ]);
    const isSame = sameTenure(state.lock, lock);
    const [pods] = await Promise.all([
      // Of a Pod whose lock has ended since, what was read before says nothing.
      isSame ? early : this.#watchAndRead(lock, signal),
      lock && this.#count(signal),
    ]);
    const holder = pods.find(({ of }) => of.uid === awaited(state, lock)?.uid);
    const leaving = !lock && search ? await this.#searchLeaving(signal) : undefined;
    const node = holder && (await this.#readNode(holder, signal));
    const watched = this.#lookout.complete;
    this.#seen = [];
    return { type: 'inspected', lock, pods, node, leaving, watched, crowd: this.#crowd.size };
  }

  async #watchAndRead(lock: Lock | undefined, signal: AbortSignal): Promise<PodReading[]> {
    const first = awaited(this.#state, lock);
    if (!first) this.#lookout.forgetHolder();
    else if (this.#podsReadable) await abortable(this.#lookout.watchHolder(first.name), signal);
    return this.#readPods(podsToRead(this.#state, lock), signal);
  }

  async #readLock(signal: AbortSignal): Promise<Lock | undefined> {
    const { clock, lock, unconfirmed } = this.#options;
    const startedMs = clock.now();
    const found = await this.#persist(() => lock.get(signal), signal);
    if (found) this.#lookout.expect('lock', lock.name);
    this.#saw(found);
    if (found?.attempt === this.#attempt) this.#checkStored(found);
    else if (startedMs >= this.#createMayLandUntilMs) this.#mayHaveCreated = false;
    // What this process has tried to end may go at any moment: as good as released.
    return found && unconfirmed.has(found.uid) ? { ...found, released: true } : found;
  }

  /** Others decide by what is stored: what differs from what was sent is no lock to lead with. */
  #checkStored(found: Lock): void {
    const isMine = holderOf(found)?.uid === this.#state.podUid;
    if (isMine && this.#notes.has(noteOf(found.predecessors))) return;
    const { lock, namespace } = this.#options;
    throw new LeaderElectionError(
      'ERR_REJECTED',
      `ConfigMap ${namespace}/${lock.name} was not stored as this Pod sent it: its owner or its ` +
        'leader-for-life annotations differ. The likely cause is a mutating admission webhook. ' +
        'Exempt this ConfigMap from it.',
    );
  }

  /** Only where a node that is not ready matters. */
  async #readNode({ found }: PodReading, signal: AbortSignal): Promise<NodeReading | undefined> {
    const { api, settings } = this.#options;
    if (settings.takeOverFromNotReadyNodeAfterMs === undefined) return undefined;
    if (typeof found === 'string' || found.nodeName === undefined) return undefined;
    const { nodeName } = found;
    await abortable(this.#lookout.watchNode(nodeName), signal);
    const node = await this.#persist(() => getNode(api, nodeName, signal), signal);
    if (node !== 'absent') this.#lookout.expect('node', nodeName);
    return node;
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

  /** A lock of which nothing was seen has come and gone: its holder may be one of these. */
  async #searchLeaving(signal: AbortSignal): Promise<readonly PodIdentity[]> {
    const { api, namespace, observer } = this.#options;
    if (!this.#podsReadable) return [];
    try {
      return await this.#persist(
        () => leavingReplicas(api, namespace, this.#selector, signal),
        signal,
      );
    } catch (error) {
      if (!hasStatus(error, 403)) throw error;
      observer.onDegraded('crowd', error);
      return [];
    }
  }

  /** As `#takeBack`, but the observer is told what fails. */
  async #withdraw(led: Lock | undefined, signal?: AbortSignal): Promise<void> {
    try {
      await this.#takeBack(led, signal);
    } catch (error) {
      this.#options.observer.onLeftBehind(error);
    }
  }

  /**
   * Deletes what this call has created and has not led with, also by a create still on its way. A lock that
   * was lost stays until others end it: the work may go on.
   */
  async #takeBack(led?: Lock, signal?: AbortSignal): Promise<void> {
    const { api, clock, lock, observer } = this.#options;
    const podUid = this.#state.podUid ?? '';
    let mayBeThere = this.#mayHaveCreated || this.#createMayLandUntilMs > clock.now();
    while (mayBeThere) {
      const mayLandMs = this.#createMayLandUntilMs - clock.now();
      const found = await api.retry(() => lock.get(signal), { ...PATIENCE, signal });
      const isHeld = found && holderOf(found)?.uid === podUid;
      this.#saw(found);
      if (found && found.uid !== led?.uid) {
        if (found.attempt === this.#attempt) {
          // That Pod may lead with it.
          if (!isHeld) throw new Error('another Pod was made its owner');
          observer.log('taking back the lock that was created');
          this.#saw(await release(this.#releaseParts(), found, podUid, signal));
        } else if (isHeld && found.attempt === undefined) {
          throw new Error('its annotation leader-for-life/attempt was removed');
        }
      }
      // Another create may still be on its way: after it, one more look.
      mayBeThere = mayLandMs > 0;
      if (mayBeThere) await sleep(clock, mayLandMs, signal);
    }
  }
}

function noteOf(predecessors: readonly PodIdentity[] = []): string {
  return predecessors.map(({ uid }) => uid).join();
}
