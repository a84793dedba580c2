import { forceDeletePod } from '../kubernetes/pod.ts';
import { linked } from '../platform/abort.ts';
import {
  type Command,
  type Event,
  type Failure,
  type Moment,
  type State,
  inspect,
  start,
} from '../protocol/life/state.ts';
import { step } from '../protocol/life/step.ts';
import { type Lock, type PodIdentity, holderOf } from '../protocol/model.ts';
import type { CampaignOptions, Persist } from './campaign-options.ts';
import { Inspector } from './inspector.ts';
import { LockWatcher } from './lock-watcher.ts';
import { OwnCreates } from './own-creates.ts';
import { SeenLocks, withHolders } from './seen-locks.ts';

export interface Victory {
  readonly lock: Lock;
  readonly podUid: string;
  readonly attempts: number;
  /** Gives up the lock, and any lock that an unanswered create of this call makes later. */
  readonly release: () => Promise<void>;
  /**
   * The same for a Pod that must not lead: retries until it succeeds or the signal aborts. Then it
   * still takes back what this call has created, for a few seconds at most.
   */
  readonly giveBack: (signal: AbortSignal) => Promise<void>;
  /**
   * The lock is lost, and these were found instead, oldest first. Takes back what an unanswered
   * create of this call makes later. Never rejects: the observer hears of failures.
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

/** One candidate's campaign: carries out what the protocol decides, step by step. */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #watcher: LockWatcher;
  readonly #inspector: Inspector;
  readonly #creates: OwnCreates;
  readonly #seen = new SeenLocks();
  #state: State;
  #attempts = 0;

  constructor(options: CampaignOptions) {
    this.#options = options;
    const { settings, podUid, predecessors } = options;
    this.#state = start(settings, podUid, predecessors);
    this.#watcher = new LockWatcher({ ...options, maxBackoffMs: settings.maxBackoffMs });
    this.#creates = new OwnCreates(options, this.#persist, this.#seen);
    this.#inspector = new Inspector({
      options,
      watcher: this.#watcher,
      creates: this.#creates,
      seen: this.#seen,
      persist: this.#persist,
    });
  }

  /**
   * Resolves when this Pod holds the lock and has no predecessors. Rejects with the signal's
   * reason, a CampaignLost or the API server's refusal. By then, what this call created is gone
   * again, or the observer was told.
   */
  async run(outer: AbortSignal): Promise<Victory> {
    // When one request fails, the other requests of the same look end, too.
    const { controller, end } = linked(outer);
    const { signal } = controller;
    const withdrawal = this.#creates.withdrawalLimit();
    outer.addEventListener('abort', withdrawal.begin, { once: true });
    const endOfHealth = this.#options.standing?.onHealthy(() => this.#watcher.unbar());
    try {
      await this.#begin(signal);
      for (;;) {
        const { command } = this.#state;
        if (command.do === 'fail' || command.do === 'withdraw') {
          throw new CampaignLost(command.failure);
        }
        signal.throwIfAborted();
        if (command.do === 'lead') return this.#victory(command.lock);
        const event = await this.#execute(command, signal);
        await this.#step(event, signal);
      }
    } catch (error) {
      withdrawal.begin();
      controller.abort(error);
      for (const missed of this.#watcher.missedLocks) this.#seen.add(missed);
      this.#watcher.close();
      await this.#creates.withdraw(this.#state.podUid ?? '', undefined, withdrawal.signal);
      throw error;
    } finally {
      outer.removeEventListener('abort', withdrawal.begin);
      endOfHealth?.();
      withdrawal.end();
      end();
      this.#watcher.close();
    }
  }

  /** The Pods that may still lead, in case every lock that was seen has ended by now. */
  get predecessors(): readonly PodIdentity[] {
    return this.#seen.predecessors(this.#state);
  }

  #victory(lock: Lock): Victory {
    const creates = this.#creates;
    const podUid = this.#state.podUid ?? '';
    const release = async (signal?: AbortSignal) => {
      const other = await creates.release(lock, podUid, signal);
      creates.foundInstead(other ? [other] : [], lock);
      await creates.takeBack(podUid, lock, signal);
    };
    return {
      lock,
      podUid,
      attempts: this.#attempts,
      release: () => release(),
      giveBack: async (signal) => {
        const withdrawal = creates.withdrawalLimit();
        try {
          await this.#persist(() => release(signal), signal);
        } catch (error) {
          // A lock that this call has created does not stay behind.
          withdrawal.begin();
          await creates.withdraw(podUid, undefined, withdrawal.signal);
          throw error;
        } finally {
          withdrawal.end();
        }
      },
      lost: async (others) => {
        creates.foundInstead(others, lock);
        await creates.withdraw(podUid, lock);
      },
    };
  }

  /** A candidate that must not take the lock begins with a look at it. */
  async #begin(signal: AbortSignal): Promise<void> {
    const { settings, podUid, predecessors, standing } = this.#options;
    await standing?.asks(signal);
    if (standing?.bar) this.#state = start(settings, podUid, predecessors, true);
  }

  /** A candidate that is about to take a free lock first asks whether another one is preferred. */
  async #step(event: Event, signal: AbortSignal): Promise<void> {
    const { observer, standing } = this.#options;
    let next = step(this.#state, event, this.#moment());
    if (next.command.do === 'attempt' && (await standing?.asks(signal))) {
      next = step(this.#state, event, this.#moment());
    }
    this.#state = next.command.do === 'lead' ? this.#afterMissed(next) : next;
    const { lock, podUid } = this.#state;
    if (lock && holderOf(lock)?.uid !== podUid) standing?.lockHeld();
    observer.onState(this.#state, undefined);
  }

  /** If its watch has shown locks that it has not looked at, their holders may still lead. */
  #afterMissed(leading: State): State {
    const predecessors = withHolders(leading, this.#watcher.takeLocks());
    return predecessors.length > 0 ? inspect({ ...leading, predecessors }) : leading;
  }

  #moment(): Moment {
    const { clock, standing } = this.#options;
    return { nowMs: clock.now(), random: clock.random(), bar: standing?.bar };
  }

  async #execute(
    command: Exclude<Command, { do: 'lead' | 'withdraw' | 'fail' }>,
    signal: AbortSignal,
  ): Promise<Event> {
    const { api, namespace } = this.#options;
    switch (command.do) {
      case 'identify':
        return { type: 'identified', self: await this.#inspector.readSelf(signal) };
      case 'attempt':
        return this.#attemptLock(command.podUid, command.verify, signal);
      case 'inspect':
        return this.#inspector.inspect(this.#state, command.search, signal);
      case 'reclaim':
        return { type: 'reclaimed', mine: await this.#reclaim(command.lock, signal) };
      case 'evict':
        await this.#persist(() => forceDeletePod(api, namespace, command.pod, signal), signal);
        return { type: 'evicted' };
      case 'wait':
        return (await this.#watcher.next(command.untilMs, signal)) ?? { type: 'time-up' };
    }
  }

  readonly #persist: Persist = (operation, signal) => {
    const { api, settings, observer } = this.#options;
    return api.retry(operation, {
      signal,
      maxBackoffMs: settings.maxBackoffMs,
      onRetry: (error, delayMs) => {
        observer.onState(this.#state, error);
        observer.log(`trying again in ${Math.round(delayMs)} ms`);
      },
    });
  };

  async #reclaim(left: Lock, signal: AbortSignal): Promise<boolean> {
    const { lock, unconfirmed } = this.#options;
    const reclaim = () => unconfirmed.send(left.uid, () => lock.delete(left, signal));
    const isMine = await this.#persist(reclaim, signal);
    if (!isMine) return false;
    unconfirmed.delete(left.uid);
    // If a finalizer keeps it, only a hint says that it is gone.
    if (left.finalizers.length === 0) this.#watcher.ignore(left);
    return true;
  }

  /** Creates the lock and, in the same round trip, reads this Pod and its predecessors. */
  async #attemptLock(podUid: string, verify: boolean, signal: AbortSignal): Promise<Event> {
    this.#attempts += 1;
    const { controller: verifying, end } = linked(signal);
    const predecessors = () => withHolders(this.#state, this.#watcher.missedLocks);
    const create = this.#creates.create(podUid, predecessors, signal);
    // Without its error: why it was refused says nothing about the other reads.
    create.catch(() => verifying.abort());
    const [created, self, pods] = await Promise.allSettled([
      create,
      verify ? this.#inspector.verifySelf(podUid, verifying.signal) : undefined,
      this.#inspector.readPods(this.#state.predecessors, verifying.signal),
    ]);
    end();
    if (created.status === 'rejected') throw created.reason;
    if (self.status === 'rejected') throw self.reason;
    if (pods.status === 'rejected') throw pods.reason;
    return {
      type: 'attempted',
      outcome: created.value,
      self: self.value,
      predecessors: pods.value,
    };
  }
}
