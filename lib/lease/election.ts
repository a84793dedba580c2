import { type AcquiredLease, Campaign } from './campaign.ts';
import type { CheckedDurations, LeaseElectionSettings } from './config.ts';
import { type Ending, ending, firstOf, type Job, type Served, settle } from './job.ts';
import { ElectorPod } from './elector-pod.ts';
import { openLock, placeOf } from './lease-lock.ts';
import { Reporter } from './reporter.ts';
import type { OpenLock, ResourceLock } from './resource-lock.ts';
import { Term } from './term.ts';
import {
  abandonedError,
  expiredError,
  lostError,
  releasedError,
  timeoutError,
} from './term-errors.ts';
import { EventStream } from '../events/stream.ts';
import { checkDuration } from '../checks.ts';
import type { LeaderElectionError } from '../errors.ts';
import { REQUEST_TIMEOUT_MS } from '../kubernetes/api.ts';
import { abortable } from '../platform/abort.ts';
import { withDeadline, within } from '../platform/deadline.ts';
import type { RunningElection } from '../platform/elections.ts';
import { createLog } from '../platform/log.ts';
import type { Platform } from '../platform/platform.ts';
import type { Known, Loss } from '../protocol/lease/state.ts';

export interface ElectionOptions {
  readonly lock: ResourceLock;
  readonly name: string;
  readonly durations: CheckedDurations;
  readonly releaseOnCancel: boolean;
  readonly settings: LeaseElectionSettings;
  readonly onNewLeader?: ((identity: string) => void) | undefined;
}

const log = createLog('lease');

/** What ends a wait to lead, and when the wait began. */
interface Wait {
  readonly signal: AbortSignal;
  readonly end: () => void;
  readonly startedMs: number;
}

/** What `lead` and `LeaderElector` share: asks for a lock, wins it, keeps it, gives it up. */
export class Election {
  readonly #platform: Platform;
  readonly #options: ElectionOptions;
  readonly #reporter: Reporter;
  readonly #pod: ElectorPod;
  #term: Term | undefined;
  /** What the last campaign saw. The next one must know who led, even if the lock is deleted. */
  #known: Known | undefined;
  /** This election, among those of the process. */
  #running: RunningElection | undefined;

  constructor(platform: Platform, options: ElectionOptions) {
    const { clock, warn } = platform;
    const { name, lock, settings, onNewLeader } = options;
    const { metrics, onWaiting, onEvent, watchDog } = settings;
    this.#platform = platform;
    this.#options = options;
    const subject = { mode: 'lease' as const, ...placeOf(lock), identity: lock.identity };
    const events = new EventStream({ clock, subject, onEvent, log, warn });
    this.#reporter = new Reporter({ clock, events, name, metrics, onNewLeader, onWaiting });
    this.#pod = new ElectorPod({ platform, settings, events });
    watchDog?.setLeaderElection(this);
  }

  /** The last observed holder; empty for nobody. */
  get leader(): string {
    return this.#reporter.leader;
  }

  /** The current term, until its work has settled, even if that is after its end. */
  get term(): Term | undefined {
    return this.#term;
  }

  /** Throws `ERR_LEASE_EXPIRED`: see `LeaderElector.check`. */
  check(maxTolerableExpiredLeaseMs: number): void {
    const { lock, durations } = this.#options;
    if (maxTolerableExpiredLeaseMs !== 0) {
      checkDuration('maxTolerableExpiredLeaseMs', maxTolerableExpiredLeaseMs);
    }
    const unrenewedMs = this.#term?.unrenewedMs() ?? 0;
    if (unrenewedMs > durations.leaseDurationMs + maxTolerableExpiredLeaseMs) {
      throw expiredError(lock, unrenewedMs);
    }
  }

  /**
   * Campaigns, and serves terms until one ends that is not followed by another. Rejects with the
   * signal's reason if the signal aborts before a term, or with the API server's refusal.
   */
  async run<T>(job: Job<T>, signal: AbortSignal): Promise<Ending<T>> {
    signal.throwIfAborted();
    const startedMs = this.#platform.clock.now();
    const wait = this.#limit(signal);
    const onAbort = () => this.#running?.ending();
    let lock: OpenLock | undefined;
    try {
      lock = await this.#open();
      this.#reporter.attend(lock);
      this.#pod.attend(lock);
      this.#running = lock && (await this.#platform.elections.begin(lock.key, wait.signal));
      signal.addEventListener('abort', onAbort);
      return await this.#runOften(lock, this.#pod.marked(job), signal, { ...wait, startedMs });
    } catch (error) {
      if (signal.aborted && error === signal.reason) this.#reporter.onWithdrawn(error);
      else this.#reporter.onFailed(error as Error);
      throw error;
    } finally {
      wait.end();
      await this.#within(this.#reporter.recorded());
      this.#pod.close();
      lock?.close();
      signal.removeEventListener('abort', onAbort);
      this.#running?.ended();
      this.#running = undefined;
    }
  }

  async #runOften<T>(
    lock: OpenLock | undefined,
    job: Job<T>,
    signal: AbortSignal,
    firstWait: Wait,
  ): Promise<Ending<T>> {
    const end = () => undefined;
    for (let wait = firstWait; ; wait = { startedMs: this.#platform.clock.now(), signal, end }) {
      const ending = await this.#runOnce(lock, job, signal, wait);
      if (ending.how !== 'lost' || !job.recampaigns) return ending;
      await abortable(ending.work, signal).catch((error: unknown) => {
        throw ending.abandoned ?? error;
      });
    }
  }

  /** A signal that ends the wait for the first term. */
  #limit(signal: AbortSignal) {
    const { lock, settings } = this.#options;
    return withDeadline(this.#platform.clock, signal, settings.timeoutMs, (timeoutMs) =>
      timeoutError(lock, timeoutMs, this.#reporter.last?.message),
    );
  }

  /** Undefined if there is no election. */
  async #open(): Promise<OpenLock | undefined> {
    const { lock, settings } = this.#options;
    const { enabled = true, events = false } = settings;
    if (!enabled) return undefined;
    return openLock(lock, this.#platform, this.#requestTimeoutMs, events);
  }

  /** Well below the deadline: one slow request must not cost the lease. */
  get #requestTimeoutMs(): number {
    return Math.min(this.#options.durations.renewDeadlineMs / 2, REQUEST_TIMEOUT_MS);
  }

  async #runOnce<T>(
    lock: OpenLock | undefined,
    job: Job<T>,
    signal: AbortSignal,
    wait: Wait,
  ): Promise<Ending<T>> {
    if (!lock) {
      wait.end();
      this.#reporter.onSkipped();
      return this.#serve(undefined, undefined, job, signal);
    }
    const campaign = new Campaign({
      clock: this.#platform.clock,
      lock,
      settings: { ...this.#options.durations, identity: lock.identity },
      requestTimeoutMs: this.#requestTimeoutMs,
      observer: this.#reporter,
      yieldMs: this.#pod.yieldMs,
      known: this.#known,
    });
    try {
      const acquired = await campaign.acquire(wait.signal);
      wait.end();
      const waitedMs = this.#platform.clock.now() - wait.startedMs;
      this.#reporter.onStarted(acquired.version, waitedMs);
      return await this.#serve(campaign, { ...acquired, namespace: lock.namespace }, job, signal);
    } finally {
      this.#known = campaign.known;
      campaign.close();
    }
  }

  async #serve<T>(
    campaign: Campaign | undefined,
    tenure: (AcquiredLease & { readonly namespace: string }) | undefined,
    job: Job<T>,
    signal: AbortSignal,
  ): Promise<Ending<T>> {
    const term = this.#begin(tenure);
    const startedMs = this.#platform.clock.now();
    const stop = new AbortController();
    const renewing = this.#renew(campaign, tenure, term, stop.signal);
    const work = settle(() => job.work(this.#served(term, tenure)));
    void work.then(() => {
      if (this.#term === term && term.isOver) this.#term = undefined;
    });

    const first = await firstOf(work, term, signal, job.endsWithWork);
    if (first === 'lost') stop.abort();
    if (first === 'cancelled') term.end(signal.reason);
    if (first !== 'lost' || !job.recampaigns) this.#running?.ending();
    if (first === 'work' && tenure && job.endsWithWork) {
      const tookMs = this.#platform.clock.now() - startedMs;
      this.#reporter.onWorkDone(await work, tookMs, this.#platform.elections);
    }
    const why: unknown = first === 'lost' ? term.error : signal.reason;
    const outcome = await this.#within(work);
    const abandonedWork = outcome ? undefined : this.#abandon('the work', why, tenure);
    term.close(releasedError(this.#options.lock));
    const stopped = await this.#within(settle(() => job.onStopped?.()));
    const abandonedStop = stopped ? undefined : this.#abandon('onStoppedLeading', why, tenure);
    stop.abort();
    await renewing;
    if (tenure) this.#reporter.onStopped(tenure.version);

    const wanted = first === 'work' || this.#options.releaseOnCancel;
    if (wanted && outcome && stopped && !term.error && (await campaign?.release())) {
      this.#reporter.onReleased();
    }
    if (outcome) this.#term = undefined;
    if (stopped && 'error' in stopped) return { how: 'threw', error: stopped.error };
    return ending(first, outcome, term, work, abandonedWork ?? abandonedStop);
  }

  #begin(tenure: AcquiredLease | undefined): Term {
    const { lock } = this.#options;
    const term = new Term({
      clock: this.#platform.clock,
      proven: tenure?.proven,
      expired: () => this.#lost({ because: 'expired' }, tenure),
    });
    this.#term = term;
    if (!tenure) this.#reporter.onLeader(lock.identity);
    void term.lost.then((error) => {
      this.#reporter.onLost(error);
    });
    return term;
  }

  #served(
    term: Term,
    tenure: (AcquiredLease & { readonly namespace: string }) | undefined,
  ): Served {
    const fencingToken = tenure?.version.resourceVersion ?? '0';
    return { term, fencingToken, namespace: tenure?.namespace, skipped: !tenure };
  }

  /** A renewal that fails in an unforeseen way ends the term, too. */
  async #renew(
    campaign: Campaign | undefined,
    tenure: AcquiredLease | undefined,
    term: Term,
    signal: AbortSignal,
  ): Promise<void> {
    if (!campaign) return;
    try {
      const loss = await campaign.renew(signal);
      if (loss) term.lose(this.#lost(loss, tenure));
    } catch (error) {
      term.lose(error as Error);
    }
  }

  /** Undefined if it takes too long: work that does not end is not awaited for ever. */
  #within<T>(settled: Promise<T>): Promise<T | undefined> {
    return within(this.#platform.clock, this.#options.durations.renewDeadlineMs, settled);
  }

  #lost(loss: Loss, tenure: AcquiredLease | undefined): LeaderElectionError {
    const { lock, durations } = this.#options;
    const { forMs = durations.renewDeadlineMs } = tenure?.proven() ?? {};
    return lostError(lock, loss, forMs, this.#reporter.trouble);
  }

  /** Reports that a part of a term goes on after its end; `why` is how it ended. */
  #abandon(what: string, why: unknown, tenure: AcquiredLease | undefined): LeaderElectionError {
    const { lock, durations } = this.#options;
    const error = abandonedError(lock, what, durations.renewDeadlineMs, why);
    this.#reporter.onAbandoned(error, tenure?.version);
    return error;
  }
}
