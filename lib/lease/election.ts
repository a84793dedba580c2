import { Campaign } from './campaign.ts';
import { POLL_FACTOR } from './config.ts';
import type { ElectionOptions } from './election-options.ts';
import { type Ending, type Job } from './job.ts';
import { ElectorPod } from './elector-pod.ts';
import { openLock, placeOf } from './lease-lock.ts';
import { Reporter } from './reporter.ts';
import type { OpenLock } from './resource-lock.ts';
import { type Held, Tenure } from './tenure.ts';
import type { Term } from './term.ts';
import { expiredError, timeoutError } from './term-errors.ts';
import { EventStream } from '../events/stream.ts';
import { checkDuration } from '../checks.ts';
import type { StepDownReason } from '../events/event.ts';
import { REQUEST_TIMEOUT_MS } from '../kubernetes/api.ts';
import { abortable } from '../platform/abort.ts';
import { sleep } from '../platform/clock.ts';
import { withDeadline, within } from '../platform/deadline.ts';
import type { RunningElection } from '../platform/elections.ts';
import { Health } from '../platform/health.ts';
import { createLog } from '../platform/log.ts';
import type { Platform } from '../platform/platform.ts';
import { Standing, asideMs } from '../platform/standing.ts';
import type { Known } from '../protocol/lease/state.ts';

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
  readonly #events: EventStream;
  #health: Health | undefined;
  #tenure: Tenure | undefined;
  readonly #pod: ElectorPod;
  /** What the last campaign saw. The next one must know who led, even if the lock is deleted. */
  #known: Known | undefined;
  /** This election, among those of the process. */
  #running: RunningElection | undefined;

  constructor(platform: Platform, options: ElectionOptions) {
    const { clock, warn } = platform;
    const { name, lock, settings, durations, onNewLeader } = options;
    const { renewDeadlineMs } = durations;
    const { metrics, onWaiting, onEvent, watchDog } = settings;
    this.#platform = platform;
    this.#options = options;
    const subject = { mode: 'lease' as const, ...placeOf(lock), identity: lock.identity };
    this.#events = new EventStream({ clock, subject, onEvent, log, warn });
    const events = this.#events;
    this.#reporter = new Reporter({ clock, events, name, metrics, onNewLeader, onWaiting });
    this.#pod = new ElectorPod({ platform, settings, renewDeadlineMs, events });
    watchDog?.setLeaderElection(this);
  }

  /** The last observed holder; empty for nobody. */
  get leader(): string {
    return this.#reporter.leader;
  }

  /** The current term, until its work has settled, even if that is after its end. */
  get term(): Term | undefined {
    return this.#tenure?.term;
  }

  /** Throws `ERR_LEASE_EXPIRED`: see `LeaderElector.check`. */
  check(maxTolerableExpiredLeaseMs: number): void {
    const { lock, durations } = this.#options;
    if (maxTolerableExpiredLeaseMs !== 0) {
      checkDuration('maxTolerableExpiredLeaseMs', maxTolerableExpiredLeaseMs);
    }
    const unrenewedMs = this.term?.unrenewedMs() ?? 0;
    if (unrenewedMs > durations.leaseDurationMs + maxTolerableExpiredLeaseMs) {
      throw expiredError(lock, unrenewedMs);
    }
  }

  /** Ends the current term, if there is one. */
  stepDown(reason: StepDownReason): void {
    this.#tenure?.stepDown(reason);
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
    const healthChecks = new AbortController();
    let lock: OpenLock | undefined;
    try {
      lock = await this.#open();
      this.#reporter.attend(lock);
      this.#pod.attend(lock);
      this.#running = lock && (await this.#platform.elections.begin(lock.key, wait.signal));
      signal.addEventListener('abort', onAbort);
      await this.#checkHealth(lock, wait.signal, healthChecks.signal);
      if (lock) this.#events.started();
      return await this.#runOften(lock, this.#pod.marked(job), signal, { ...wait, startedMs });
    } catch (error) {
      if (signal.aborted && error === signal.reason) this.#events.withdrawn(error);
      else this.#events.failed(error as Error);
      throw error;
    } finally {
      wait.end();
      healthChecks.abort();
      const { renewDeadlineMs } = this.#options.durations;
      await within(this.#platform.clock, renewDeadlineMs, this.#events.recorded());
      this.#pod.close();
      lock?.close();
      signal.removeEventListener('abort', onAbort);
      this.#running?.ended();
      this.#running = undefined;
      this.#events.ended();
    }
  }

  async #runOften<T>(
    lock: OpenLock | undefined,
    job: Job<T>,
    signal: AbortSignal,
    firstWait: Wait,
  ): Promise<Ending<T>> {
    const { clock } = this.#platform;
    const end = () => undefined;
    for (let wait = firstWait; ; wait = { startedMs: clock.now(), signal, end }) {
      const ending = await this.#runOnce(lock, job, signal, wait);
      if (!job.recampaigns || !('work' in ending)) return ending;
      await abortable(ending.work, signal).catch((error: unknown) => {
        throw ending.abandoned ?? error;
      });
      // Nobody else can lead, and work that steps down at once must not keep the process from all else.
      if (!lock && ending.how === 'stepped-down') {
        await sleep(clock, asideMs(this.#pollMs), signal);
      }
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

  /** Resolves with the first health check, if there is an election. */
  async #checkHealth(lock: OpenLock | undefined, waiting: AbortSignal, stop: AbortSignal) {
    const { clock } = this.#platform;
    const { settings } = this.#options;
    this.#health = undefined;
    if (!lock || !settings.healthy) return;
    const onThreshold = () => {
      this.stepDown('unhealthy');
    };
    const options = { clock, pauseClock: clock, listener: this.#events, onThreshold };
    this.#health = new Health(settings, options);
    await abortable(this.#health.begin(stop), waiting);
  }

  get #pollMs(): number {
    return POLL_FACTOR * this.#options.durations.retryPeriodMs;
  }

  #standingFor({ key }: OpenLock): Standing {
    const { clock, elections } = this.#platform;
    const { candidate } = this.#options;
    const { yieldMs } = this.#pod;
    return new Standing({
      ...{ clock, elections, key: { ...key, candidate }, health: this.#health, yieldMs },
      pollMs: this.#pollMs,
    });
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
      signal.throwIfAborted();
      wait.end();
      this.#events.skipped();
      return this.#serve(undefined, job, signal);
    }
    const standing = this.#standingFor(lock);
    const campaign = new Campaign({
      clock: this.#platform.clock,
      lock,
      settings: { ...this.#options.durations, identity: lock.identity },
      requestTimeoutMs: this.#requestTimeoutMs,
      observer: this.#reporter,
      known: this.#known,
      standing,
      onHandoverAsked: () => {
        this.stepDown('asked');
      },
    });
    try {
      const acquired = await campaign.acquire(wait.signal);
      wait.end();
      const waitedMs = this.#platform.clock.now() - wait.startedMs;
      this.#reporter.onStarted(acquired, waitedMs);
      const { namespace } = lock;
      return await this.#serve({ campaign, acquired, namespace, standing }, job, signal);
    } finally {
      this.#known = campaign.known;
      campaign.close();
    }
  }

  #serve<T>(held: Held | undefined, job: Job<T>, signal: AbortSignal): Promise<Ending<T>> {
    const onEnding = () => this.#running?.ending();
    const parts = { platform: this.#platform, options: this.#options, reporter: this.#reporter };
    this.#tenure = new Tenure({ ...parts, held, onEnding });
    return this.#tenure.serve(job, signal);
  }
}
