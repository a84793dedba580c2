import { abortable } from '../abort.ts';
import { sleep } from '../clock.ts';
import type { Elections, RunningElection } from '../elections.ts';
import { LeaderElectionError } from '../errors.ts';
import { REQUEST_TIMEOUT_MS } from '../kubernetes/api.ts';
import { printable } from '../printable.ts';
import type { Known, Loss } from '../protocol/lease.ts';
import type { Surroundings } from '../surroundings.ts';
import { Campaign, type Tenure } from './campaign.ts';
import { openLock } from './lease-lock.ts';
import { type OpenLock } from './open-lock.ts';
import type { CheckedDurations, LeaderMetrics } from './options.ts';
import { Reporter } from './reporter.ts';
import type { ResourceLock } from './resource-lock.ts';
import { Term } from './term.ts';

export interface ElectionOptions {
  readonly lock: ResourceLock;
  readonly name: string;
  readonly durations: CheckedDurations;
  readonly enabled: boolean;
  readonly releaseOnCancel: boolean;
  readonly events: boolean;
  readonly metrics: LeaderMetrics | undefined;
  readonly onNewLeader?: ((identity: string) => void) | undefined;
}

/** What there is to do for a leader. */
export interface Job<T> {
  readonly work: (served: Served) => T | PromiseLike<T>;
  /** Whether the term ends when the work has returned. It does in any case when the work throws. */
  readonly endsWithWork: boolean;
  /** Whether there is another term after one that was lost. */
  readonly recampaigns: boolean;
  /** After the work has settled or was given up, and before the lease is released. */
  readonly onStopped?: () => unknown;
}

/** A term, and the lock by which it came. */
export interface Served {
  readonly term: Term;
  /** Undefined where nothing was elected. */
  readonly namespace: string | undefined;
  readonly fencingToken: string;
  readonly skipped: boolean;
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

/** How a term ended. `abandoned` says so if something of it goes on. */
export type Ending<T> =
  | { readonly how: 'returned'; readonly value: T }
  | { readonly how: 'threw'; readonly error: unknown }
  | { readonly how: 'cancelled'; readonly abandoned: LeaderElectionError | undefined }
  | {
      readonly how: 'lost';
      readonly error: Error;
      readonly abandoned: LeaderElectionError | undefined;
      readonly work: Promise<unknown>;
    };

/** Work that is done so soon has probably only been started. */
const SHORT_WORK_MS = 1_000;

/** The processes that were told of such work: those whose work is that short need not hear it again. */
const toldOfShortWork = new WeakSet<Elections>();

/** A lock that is asked for, won, kept and given up: what `lead` and `LeaderElector` share. */
export class Election {
  readonly #surroundings: Surroundings;
  readonly #options: ElectionOptions;
  readonly #reporter: Reporter;
  #term: Term | undefined;
  /** Whoever campaigns again must not forget whom he saw lead: a lock may be deleted meanwhile. */
  #known: Known | undefined;
  /** This election, among those of the process. */
  #running: RunningElection | undefined;

  constructor(surroundings: Surroundings, options: ElectionOptions) {
    const { clock, warn } = surroundings;
    const { name, metrics, onNewLeader } = options;
    this.#surroundings = surroundings;
    this.#options = options;
    this.#reporter = new Reporter({ clock, name, metrics, onNewLeader, warn });
  }

  /** The holder that was observed last; empty for nobody. */
  get leader(): string {
    return this.#reporter.leader;
  }

  /** The current term, until its work has settled, be it after its end. */
  get term(): Term | undefined {
    return this.#term;
  }

  /**
   * Campaigns, and serves terms until one ends that is not followed by another. Rejects, when the
   * signal aborts before a term, with its reason, or with what the API server refuses for good.
   */
  async run<T>(job: Job<T>, signal: AbortSignal): Promise<Ending<T>> {
    signal.throwIfAborted();
    const lock = await this.#open();
    const onAbort = () => this.#running?.ending();
    try {
      this.#running = lock && (await this.#surroundings.elections.begin(lock.key, signal));
      signal.addEventListener('abort', onAbort);
      this.#reporter.attend(lock);
      return await this.#runOften(lock, job, signal);
    } finally {
      await this.#within(this.#reporter.recorded());
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
  ): Promise<Ending<T>> {
    for (;;) {
      const ending = await this.#runOnce(lock, job, signal);
      if (ending.how !== 'lost' || !job.recampaigns) return ending;
      await abortable(ending.work, signal).catch((error: unknown) => {
        throw ending.abandoned ?? error;
      });
    }
  }

  /** Undefined where there is nothing to elect. */
  async #open(): Promise<OpenLock | undefined> {
    const { lock, enabled, events } = this.#options;
    if (!enabled) return undefined;
    return openLock(lock, this.#surroundings, this.#requestTimeoutMs, events);
  }

  /** Well below the deadline: one slow request must not cost the lease. */
  get #requestTimeoutMs(): number {
    return Math.min(this.#options.durations.renewDeadlineMs / 2, REQUEST_TIMEOUT_MS);
  }

  async #runOnce<T>(
    lock: OpenLock | undefined,
    job: Job<T>,
    signal: AbortSignal,
  ): Promise<Ending<T>> {
    if (!lock) return this.#serve(undefined, undefined, job, signal);
    const campaign = new Campaign({
      clock: this.#surroundings.clock,
      lock,
      settings: { ...this.#options.durations, identity: lock.identity },
      requestTimeoutMs: this.#requestTimeoutMs,
      observer: this.#reporter,
      known: this.#known,
    });
    try {
      const tenure = await campaign.acquire(signal);
      return await this.#serve(campaign, { ...tenure, namespace: lock.namespace }, job, signal);
    } finally {
      this.#known = campaign.known;
      campaign.close();
    }
  }

  async #serve<T>(
    campaign: Campaign | undefined,
    tenure: (Tenure & { readonly namespace: string }) | undefined,
    job: Job<T>,
    signal: AbortSignal,
  ): Promise<Ending<T>> {
    const term = this.#begin(tenure);
    const startedMs = this.#surroundings.clock.now();
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
    if (first === 'work' && tenure && job.endsWithWork) this.#judgeWork(await work, startedMs);
    const why: unknown = first === 'lost' ? term.error : signal.reason;
    const outcome = await this.#within(work);
    const abandonedWork = outcome ? undefined : this.#abandon('the work', why, tenure);
    term.close(this.#over());
    const stopped = await this.#within(settle(() => job.onStopped?.()));
    const abandonedStop = stopped ? undefined : this.#abandon('onStoppedLeading', why, tenure);
    stop.abort();
    await renewing;
    if (tenure) this.#reporter.onStopped(tenure.version);

    const wanted = first === 'work' || this.#options.releaseOnCancel;
    if (wanted && outcome && stopped && !term.error) await campaign?.release();
    if (outcome) this.#term = undefined;
    if (stopped && 'error' in stopped) return { how: 'threw', error: stopped.error };
    return ending(first, outcome, term, work, abandonedWork ?? abandonedStop);
  }

  #begin(tenure: Tenure | undefined): Term {
    const { lock } = this.#options;
    const term = new Term({
      clock: this.#surroundings.clock,
      proven: tenure?.proven,
      expired: () => this.#lost({ because: 'expired' }, tenure),
    });
    this.#term = term;
    if (tenure) this.#reporter.onStarted(tenure.version);
    else this.#reporter.onLeader(lock.identity);
    return term;
  }

  #served(term: Term, tenure: (Tenure & { readonly namespace: string }) | undefined): Served {
    const fencingToken = tenure?.version.resourceVersion ?? '0';
    return { term, fencingToken, namespace: tenure?.namespace, skipped: !tenure };
  }

  /** A renewal that fails in a way that nobody foresaw ends the term, too. */
  async #renew(
    campaign: Campaign | undefined,
    tenure: Tenure | undefined,
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

  /** Undefined if it takes too long: nobody waits for ever for work that does not end. */
  async #within<T>(settled: Promise<T>): Promise<T | undefined> {
    const limit = new AbortController();
    const { clock } = this.#surroundings;
    const timeUp = sleep(clock, this.#options.durations.renewDeadlineMs, limit.signal).then(
      () => undefined,
      () => undefined,
    );
    try {
      return await Promise.race([settled, timeUp]);
    } finally {
      limit.abort();
    }
  }

  #lost(loss: Loss, tenure: Tenure | undefined): LeaderElectionError {
    const { lock, durations } = this.#options;
    const { forMs = durations.renewDeadlineMs } = tenure?.proven() ?? {};
    const { trouble } = this.#reporter;
    // A webhook may have written the other holder.
    const isRefused = trouble instanceof LeaderElectionError && trouble.code === 'ERR_REJECTED';
    const cause = loss.because === 'expired' || isRefused ? trouble : undefined;
    const why = wordsOf(loss, forMs);
    const last = cause instanceof Error ? ` The last failure: ${cause.message}` : '';
    return new LeaderElectionError(
      'ERR_LEADERSHIP_LOST',
      `Lease ${lock.describe()} is not held any more by ${lock.identity}: ${why}. Stop at once ` +
        `what only a leader may do.${last}`,
      cause === undefined ? {} : { cause },
    );
  }

  /** Says that something of a term goes on after its end, which is why. */
  #abandon(what: string, why: unknown, tenure: Tenure | undefined): LeaderElectionError {
    const { lock, durations } = this.#options;
    const error = new LeaderElectionError(
      'ERR_WORK_ABANDONED',
      `${capitalized(what)} for Lease ${lock.describe()} has not ended within ` +
        `${durations.renewDeadlineMs} ms and was given up. It may go on although ${lock.identity} ` +
        'does not lead any more. Make it end soon after its signal has aborted. As long as it ' +
        'does not, end the process: another replica may lead beside it.',
      { cause: why },
    );
    this.#reporter.onAbandoned(error.message, tenure?.version);
    return error;
  }

  /** A controller that was started, but not awaited, is started by one replica after the other. */
  #judgeWork(settled: Settled<unknown>, startedMs: number): void {
    const { clock, elections } = this.#surroundings;
    const tookMs = clock.now() - startedMs;
    const isDone = 'error' in settled || settled.value !== undefined || tookMs >= SHORT_WORK_MS;
    if (isDone || toldOfShortWork.has(elections)) return;
    toldOfShortWork.add(elections);
    this.#reporter.onShortWork(tookMs);
  }

  #over(): LeaderElectionError {
    const { lock } = this.#options;
    return new LeaderElectionError(
      'ERR_RELEASED',
      `${lock.identity} has stopped leading ${lock.describe()}.`,
    );
  }
}

function wordsOf(loss: Loss, forMs: number): string {
  switch (loss.because) {
    case 'expired':
      return `no renewal has succeeded for ${Math.round(forMs)} ms`;
    case 'namesake':
      return 'another process holds it under the same identity';
    case 'taken':
      return loss.holder === ''
        ? 'somebody else has released it'
        : `${printable(loss.holder)} holds it`;
  }
}

/** What ends a term. */
async function firstOf<T>(
  work: Promise<Settled<T>>,
  term: Term,
  signal: AbortSignal,
  endsWithWork: boolean,
): Promise<'work' | 'lost' | 'cancelled'> {
  const { promise, resolve } = Promise.withResolvers<'work' | 'lost' | 'cancelled'>();
  const onAbort = () => {
    resolve('cancelled');
  };
  void work.then((outcome) => {
    if (endsWithWork || 'error' in outcome) resolve('work');
  });
  void term.lost.then(() => {
    resolve('lost');
  });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort);
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function ending<T>(
  first: 'work' | 'lost' | 'cancelled',
  outcome: Settled<T> | undefined,
  term: Term,
  work: Promise<unknown>,
  abandoned: LeaderElectionError | undefined,
): Ending<T> {
  const { error = new Error('lost') } = term;
  if (first === 'lost') return { how: 'lost', error, work, abandoned };
  if (first === 'cancelled' || !outcome) return { how: 'cancelled', abandoned };
  if ('error' in outcome) return { how: 'threw', error: outcome.error };
  return { how: 'returned', value: outcome.value };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Calls it, and tells how it ended; never rejects. */
async function settle<T>(call: () => T | PromiseLike<T>): Promise<Settled<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    return { error };
  }
}
