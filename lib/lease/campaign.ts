import { abortable, linked, neverAborts } from '../platform/abort.ts';
import { withDeadline } from '../platform/deadline.ts';
import type { Clock } from '../platform/clock.ts';
import { isMine, isOthers } from '../protocol/lease/known.ts';
import type { LockVersion } from '../protocol/lease/record.ts';
import {
  type Moment,
  type Command,
  type Event,
  type Known,
  type Loss,
  type Settings,
  type State,
  holderOf,
  start,
} from '../protocol/lease/state.ts';
import { step } from '../protocol/lease/step.ts';
import { type Proof, leftMs } from '../protocol/validity.ts';
import { LockWatcher } from './lock-watcher.ts';
import type { Standing } from '../platform/standing.ts';
import type { OpenLock } from './resource-lock.ts';
import { alteredBy } from './term-errors.ts';

export interface CampaignOptions {
  readonly clock: Clock;
  readonly lock: OpenLock;
  readonly settings: Settings;
  readonly requestTimeoutMs: number;
  readonly observer: CampaignObserver;
  /** Whether it may take the lock; always, by default. */
  readonly standing?: Standing | undefined;
  /** Called whenever the lock, while this elector leads, asks it to hand over. */
  readonly onHandoverAsked?: (() => void) | undefined;
  /** What the same elector's last campaign knew. */
  readonly known?: Known | undefined;
}

/** Receives what a campaign reports, and returns nothing. */
export interface CampaignObserver {
  /** Called after each step; `trouble` is why the last request failed, if it did. */
  onState(state: State, trouble: unknown): void;
  /** The leader has to read the lock, because the record it knew is not the stored one. */
  onSlowPath(): void;
  /** The lock cannot be watched, or no longer. */
  onUnwatched(error: unknown): void;
  log(message: string): void;
}

/** Since when leadership is proven, and the version by which this elector became the leader. */
export interface AcquiredLease {
  readonly proven: () => Proof;
  readonly version: LockVersion;
}

/**
 * One elector's campaign, up to the end of a term: carries out what the protocol decides, step by
 * step.
 */
export class Campaign {
  readonly #options: CampaignOptions;
  readonly #closed = new AbortController();
  readonly #endOfHealth: (() => void) | undefined;
  #state: State;
  readonly #watcher: LockWatcher;

  constructor(options: CampaignOptions) {
    this.#options = options;
    const { clock, lock, observer } = options;
    this.#state = start(options.settings, this.#moment(), options.known);
    const onUnwatched = (error: unknown) => {
      observer.onUnwatched(error);
    };
    this.#watcher = new LockWatcher({ clock, lock, onUnwatched }, this.#state);
    this.#endOfHealth = options.standing?.onHealthy(() => {
      this.#watcher.unbar();
    });
  }

  /** What it has seen of the lock. */
  get known(): Known {
    return this.#state;
  }

  /** Why leadership was lost. */
  get loss(): Loss | undefined {
    return this.#state.loss;
  }

  /**
   * Resolves once this elector leads. Rejects with the signal's reason, or with an explained
   * refusal of the API server; the lock is then as if nobody had asked for it.
   */
  async acquire(signal: AbortSignal): Promise<AcquiredLease> {
    try {
      while (this.#state.phase === 'following') await this.#advance(signal, 'throw');
      signal.throwIfAborted();
    } catch (error) {
      await this.release();
      throw error;
    }
    const { version } = this.#state;
    if (!version) throw new Error('a leader has a lock');
    return { version, proven: () => this.#proven() };
  }

  /**
   * Keeps the lock. Resolves with the reason when it is lost, or with nothing soon after the signal
   * aborts.
   */
  async renew(signal: AbortSignal): Promise<Loss | undefined> {
    while (this.#state.phase === 'leading' && !signal.aborted) {
      await this.#advance(signal, 'go on').catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    return this.loss;
  }

  /**
   * Gives up the lock, if this elector holds it or may. Resolves with whether the lock was
   * released, once that is done or hopeless.
   */
  async release(): Promise<boolean> {
    const { clock, settings, observer } = this.#options;
    if (this.#isOver()) return false;
    const limit = withDeadline(
      clock,
      neverAborts(),
      settings.renewDeadlineMs,
      () => new Error('the time for it is up'),
    );
    try {
      this.#step({ type: 'finish' }, undefined);
      while (!this.#isOver()) {
        await abortable(this.#advance(limit.signal, 'throw'), limit.signal);
      }
    } catch (error) {
      observer.log(`not released, but left to expire: ${String(error)}`);
      return false;
    } finally {
      limit.end();
    }
    return holderOf(this.#state) === '';
  }

  /** Ends what is under way. */
  close(): void {
    this.#endOfHealth?.();
    this.#closed.abort();
    this.#watcher.close();
  }

  /** One command, one event. The signal ends waits and reads; writes that were sent are awaited. */
  async #advance(signal: AbortSignal, onRefusal: 'throw' | 'go on'): Promise<void> {
    signal.throwIfAborted();
    const { command, phase } = this.#state;
    if (command.do === 'wait') {
      const hint = await this.#watcher.next(command.untilMs, signal);
      const event: Event = hint ?? { type: 'time-up' };
      this.#step(event, undefined, await this.#next(event, signal));
      return;
    }
    if (command.do === 'get' && phase === 'leading') this.#options.observer.onSlowPath();
    const result = await this.#execute(command, signal).catch((error: unknown) => ({ error }));
    if (!('error' in result)) {
      const altered = alteredBy(command, result, this.#options.lock.describe());
      const isFatal = altered !== undefined && onRefusal === 'throw';
      this.#step(result, isFatal ? undefined : altered, await this.#next(result, signal));
      if (isFatal) throw altered;
      return;
    }
    if (command.do === 'get') signal.throwIfAborted();
    // The release that sent it was given up.
    this.#closed.signal.throwIfAborted();
    const { error, permanent, ambiguous, retryAfterMs } = this.#options.lock.failure(result.error);
    if (permanent && onRefusal === 'throw') throw error;
    this.#step({ type: 'failed', ambiguous, retryAfterMs }, error);
  }

  async #execute(command: Command, signal: AbortSignal): Promise<Event> {
    const { lock } = this.#options;
    switch (command.do) {
      case 'get':
        return { type: 'got', version: await this.#limited((limit) => lock.get(limit), signal) };
      case 'create': {
        const create = (limit: AbortSignal) => lock.create(command.record, limit, signal);
        return { type: 'written', version: await this.#limited(create) };
      }
      case 'update': {
        const { version, record } = command;
        const update = (limit: AbortSignal) => lock.update(version, record, limit, signal);
        return { type: 'written', version: await this.#limited(update) };
      }
      default:
        throw new Error(`${command.do} is no request`);
    }
  }

  /** A request with its time limit, which ends with leadership at the latest. */
  async #limited<T>(
    request: (signal: AbortSignal) => Promise<T>,
    ...signals: readonly AbortSignal[]
  ): Promise<T> {
    const { clock, requestTimeoutMs } = this.#options;
    const limitMs = Math.min(requestTimeoutMs, this.#leftMs());
    const { controller, end } = linked(...signals, this.#closed.signal);
    let cancel: (() => void) | undefined;
    try {
      // If the lock has its own limit, that one comes first: the lock knows whether anything was
      // sent.
      const answer = request(controller.signal);
      cancel = clock.after(limitMs, () => {
        controller.abort(new Error(`no answer within ${Math.round(limitMs)} ms`));
      });
      return await abortable(answer, controller.signal);
    } finally {
      cancel?.();
      end();
    }
  }

  #isOver(): boolean {
    return this.#state.phase === 'ended';
  }

  #leftMs(): number {
    const { phase, renewedAt, deadlineMs } = this.#state;
    if (phase !== 'leading' || !renewedAt) return Number.POSITIVE_INFINITY;
    return Math.max(leftMs(renewedAt, deadlineMs, this.#moment()), 0);
  }

  #proven(): Proof {
    const { renewedAt, deadlineMs, loss } = this.#state;
    if (!renewedAt) throw new Error('nothing is proven before a term');
    // If another elector holds the Lease, that is certain before the renewals end.
    const isOver = loss && loss.because !== 'expired';
    return { ...renewedAt, forMs: isOver ? 0 : deadlineMs };
  }

  /** An elector that is about to take a free lock first asks whether another one is preferred. */
  async #next(event: Event, signal: AbortSignal): Promise<State> {
    const next = step(this.#state, event, this.#moment());
    const { command, phase } = next;
    const isTaking =
      command.do === 'update' ? !isMine(command.version, next) : command.do === 'create';
    const asks = phase === 'following' && isTaking && this.#options.standing?.asks(signal);
    return (await asks) ? step(this.#state, event, this.#moment()) : next;
  }

  #step(event: Event, trouble: unknown, next = step(this.#state, event, this.#moment())): void {
    const before = this.#state;
    this.#state = next;
    this.#watcher.follow(this.#state);
    const { clock, standing, observer, onHandoverAsked } = this.#options;
    if (isOthers(next, { nowMs: clock.now() })) standing?.lockHeld();
    const { phase, version, gone } = this.#state;
    if (before.phase !== phase) observer.log(`${before.phase}, ${event.type}: ${phase}`);
    observer.onState(this.#state, trouble);
    if (phase === 'leading' && !gone && version?.handoverAsked) onHandoverAsked?.();
  }

  #moment(): Moment {
    const { clock, standing, lock } = this.#options;
    return {
      ...{ nowMs: clock.now(), bootMs: clock.boot(), dateMs: clock.date().getTime() },
      random: clock.random(),
      bar: standing?.bar,
      candidateCount: lock.candidateCount,
    };
  }
}
