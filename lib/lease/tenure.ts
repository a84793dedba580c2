import type { AcquiredLease, Campaign } from './campaign.ts';
import type { ElectionOptions } from './election-options.ts';
import { type Ending, ending, firstOf, type Job, type Served, settle } from './job.ts';
import type { Reporter } from './reporter.ts';
import { Term } from './term.ts';
import { abandonedError, lostError, releasedError, steppedDownError } from './term-errors.ts';
import type { LeaderElectionError } from '../errors.ts';
import type { StepDownReason } from '../events/event.ts';
import { within } from '../platform/deadline.ts';
import type { Platform } from '../platform/platform.ts';
import type { Standing } from '../platform/standing.ts';
import type { Loss } from '../protocol/lease/state.ts';

/** The lock of a term. */
export interface Held {
  readonly campaign: Campaign;
  readonly acquired: AcquiredLease;
  readonly namespace: string;
  readonly standing: Standing;
}

export interface TenureOptions {
  readonly platform: Platform;
  readonly options: ElectionOptions;
  readonly reporter: Reporter;
  /** Undefined without an election. */
  readonly held: Held | undefined;
  /** Called when no other term will follow. */
  readonly onEnding: () => void;
}

/** One term with its work, up to the release of the lock. */
export class Tenure {
  readonly #parts: TenureOptions;
  readonly #term: Term;
  #isSettled = false;

  constructor(parts: TenureOptions) {
    this.#parts = parts;
    const { platform, options, reporter, held } = parts;
    this.#term = new Term({
      clock: platform.clock,
      proven: held?.acquired.proven,
      expired: () => this.#lost(held?.campaign.loss ?? { because: 'expired' }),
    });
    if (!held) reporter.onLeader(options.lock.identity);
    void this.#term.lost.then((error) => {
      reporter.onLost(error);
    });
  }

  /** Undefined once its work has settled. */
  get term(): Term | undefined {
    return this.#isSettled ? undefined : this.#term;
  }

  /** Asks the work to end, so that another elector can lead. */
  stepDown(reason: StepDownReason): void {
    const { options, reporter } = this.#parts;
    const error = steppedDownError(options.lock, reason);
    if (this.#term.stepDown(error)) reporter.onSteppingDown(reason, error);
  }

  /** Resolves when the work has settled, or was given up, and the lock is released if it can be. */
  async serve<T>(job: Job<T>, signal: AbortSignal): Promise<Ending<T>> {
    const { platform, options, reporter, held, onEnding } = this.#parts;
    const { clock, elections } = platform;
    const term = this.#term;
    const startedMs = clock.now();
    const stop = new AbortController();
    const renewing = this.#renew(stop.signal);
    const hasBegun = !signal.aborted;
    const work = settle(() => {
      // A listener that was told of the term may have aborted it.
      signal.throwIfAborted();
      return job.work(this.#served());
    });
    void work.then(() => {
      if (term.isOver) this.#isSettled = true;
    });

    const first = await firstOf(work, term, signal, job.endsWithWork);
    if (first === 'lost') stop.abort();
    if (first === 'cancelled') term.end(signal.reason);
    const goesOn = job.recampaigns && (first === 'lost' || first === 'stepped-down');
    if (!goesOn) onEnding();
    if (first === 'work' && held && job.endsWithWork) {
      reporter.onWorkDone(await work, clock.now() - startedMs, elections);
    }
    const why: unknown = first === 'lost' ? term.error : term.signal.reason;
    const outcome = await this.#within(work);
    const abandonedWork = outcome ? undefined : this.#abandon('the work', why);
    term.close(releasedError(options.lock));
    const stopped = await this.#within(settle(() => (hasBegun ? job.onStopped?.() : undefined)));
    const abandonedStop = stopped ? undefined : this.#abandon('onStoppedLeading', why);
    stop.abort();
    await renewing;
    if (held) reporter.onStopped(held.acquired.version);

    const wanted = first === 'work' || first === 'stepped-down' || options.releaseOnCancel;
    const isOwn = wanted && outcome && stopped && !term.error;
    const isReleased = isOwn && (await held?.campaign.release());
    if (isReleased) reporter.onReleased();
    if (first === 'stepped-down') {
      // If the Lease is not released, others have to wait until it has expired.
      held?.standing.standAside(isReleased ? 0 : options.durations.leaseDurationMs);
    }
    if (outcome) this.#isSettled = true;
    if (stopped && 'error' in stopped) return { how: 'threw', error: stopped.error };
    return ending(first, outcome, term, work, abandonedWork ?? abandonedStop);
  }

  #served(): Served {
    const { held } = this.#parts;
    const fencingToken = held?.acquired.version.resourceVersion ?? '0';
    const stepDown = () => {
      this.stepDown('called');
    };
    const namespace = held?.namespace;
    return { term: this.#term, fencingToken, namespace, skipped: !held, stepDown };
  }

  /** A renewal that fails in an unforeseen way ends the term, too. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { held } = this.#parts;
    if (!held) return;
    try {
      const loss = await held.campaign.renew(signal);
      if (loss) this.#term.lose(this.#lost(loss));
    } catch (error) {
      this.#term.lose(error as Error);
    }
  }

  #within<T>(settled: Promise<T>): Promise<T | undefined> {
    const { platform, options } = this.#parts;
    return within(platform.clock, options.durations.renewDeadlineMs, settled);
  }

  #lost(loss: Loss): LeaderElectionError {
    const { options, reporter, held } = this.#parts;
    const { forMs = options.durations.renewDeadlineMs } = held?.acquired.proven() ?? {};
    return lostError(options.lock, loss, forMs, reporter.trouble);
  }

  /** Reports that a part of a term goes on after its end; `why` is how it ended. */
  #abandon(what: string, why: unknown): LeaderElectionError {
    const { options, reporter, held } = this.#parts;
    const error = abandonedError(options.lock, what, options.durations.renewDeadlineMs, why);
    reporter.onAbandoned(error, held?.acquired.version);
    return error;
  }
}
