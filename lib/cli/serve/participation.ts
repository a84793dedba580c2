import { hostname } from 'node:os';
import {
  type BecomeOptions,
  type ElectionEvent,
  LeaderHealthzAdaptor,
  type Leadership,
  type LeaseLeadership,
  become,
  lead,
} from '../../index.ts';
import { sleep, systemClock } from '../../platform/clock.ts';
import { messageOf } from '../../platform/printable.ts';
import type { Place } from '../context.ts';
import { beforeCrash } from '../crash.ts';
import type { LeaderFacts } from '../leader-variables.ts';
import type { View } from './answers.ts';
import type { Hook } from './hooks.ts';
import { LeaderReader, shortName } from './leader-reader.ts';

/** A lease that is expired for this long means that its leader hangs. */
const HANGS_AFTER_MS = 20_000;

/** Events after which the last term no longer holds its Lease. */
const GIVEN_UP = new Set<ElectionEvent['type']>(['released', 'lost', 'ended']);

export interface ParticipationOptions {
  readonly mode: 'life' | 'lease';
  readonly name: string;
  /** Of the elector of a Lease. */
  readonly identity: string | undefined;
  readonly place: Place;
  readonly durations: Readonly<
    Record<'leaseDurationMs' | 'renewDeadlineMs' | 'retryPeriodMs', number>
  >;
  readonly marks: Pick<BecomeOptions, 'label' | 'deletionCost' | 'preference'>;
  /** How long the program may take to stop, before another may lead. */
  readonly graceMs: number;
  /** Whether to give the lock up at the end. */
  readonly releases: boolean;
  readonly podName: string | undefined;
  /** Whether the program can work. */
  readonly healthy: BecomeOptions['healthy'];
  readonly onEvent: (event: ElectionEvent) => void;
  /** The election of others, or this one, has changed. */
  readonly onChange: () => void;
  readonly onLeading: (term: LeaderFacts) => Hook;
  readonly onLost: (term: LeaderFacts) => Hook;
  readonly say: (message: string) => void;
  /** Ends the participation. */
  readonly signal: AbortSignal;
}

/** One term. */
interface ServedTerm {
  readonly own: Leadership | LeaseLeadership;
  readonly since: Date;
  /** From its `resolve` on, this process does not lead, though it holds the lock for a while. */
  readonly resignation: PromiseWithResolvers<unknown>;
  isResigned: boolean;
  /** Settles when the lock is given up. */
  readonly handover: PromiseWithResolvers<unknown>;
}

/** A part in an election, term after term, and what is known about it when somebody asks. */
export class Participation {
  readonly #options: ParticipationOptions;
  readonly #identity: string;
  readonly #reader: LeaderReader;
  readonly #watchDog = new LeaderHealthzAdaptor(HANGS_AFTER_MS);
  #term: ServedTerm | undefined;
  /** Of the last term by a Lease. */
  #handover: ServedTerm['handover'] | undefined;
  #reason = 'starting';
  #changedAt: Date | undefined;
  #lastLeader: string | undefined;
  #death: string | undefined;

  constructor(options: ParticipationOptions) {
    this.#options = options;
    const { mode, name, place, podName = hostname() } = options;
    this.#identity = options.identity ?? `${podName}_${systemClock.uuid()}`;
    this.#reader = new LeaderReader(mode, name, place);
  }

  /** Takes part until the signal aborts; then resolves. Rejects if the election has died. */
  async run(): Promise<void> {
    const { mode, signal } = this.#options;
    try {
      await (mode === 'life' ? this.#leadForLife() : this.#leadByLease());
    } catch (error) {
      if (signal.aborted) return;
      if ((error as { code?: unknown }).code === 'ERR_POD_TERMINATING') {
        // The program may go on for a while, and ask who leads.
        this.#options.say(messageOf(error));
        this.#reason = 'pod-terminating';
        await aborted(signal);
        return;
      }
      this.#death = messageOf(error);
      this.#changed();
      throw error;
    }
  }

  /** What is known at this moment. Reads the lock unless this process leads. */
  async view(): Promise<View> {
    const read = this.#own ? undefined : await this.#reader.leader();
    // It may have begun or ceased to lead meanwhile.
    const own = this.#own;
    const node = shortName(this.#name);
    // To programs that compare names, its own name would mean that it leads.
    const other = own || read?.name === node ? undefined : read;
    const name = own ? node : other?.name;
    if (name !== undefined && name !== this.#lastLeader) {
      this.#lastLeader = name;
      this.#changedAt = systemClock.date();
    }
    return {
      ...{ node, own, other, changedAt: this.#changedAt, death: this.#ailment() },
      reason: own ? 'leading' : this.#reasonOf(other?.reason),
    };
  }

  /** Gives the lock to another candidate. False if this process does not lead. */
  async stepDown(): Promise<boolean> {
    const term = this.#term;
    if (!term || !this.#own) return false;
    term.isResigned = true;
    term.resignation.resolve(undefined);
    this.#changed();
    await term.handover.promise;
    return true;
  }

  /** Whether this process leads is computed from the clock, each time. */
  get #own(): View['own'] {
    const term = this.#term;
    if (!term || term.isResigned || this.#options.signal.aborted) return undefined;
    const { own, since } = term;
    const isProven = !('remainingMs' in own) || own.remainingMs() > 0;
    const { fencingToken } = own;
    return !own.signal.aborted && isProven ? { since, fencingToken } : undefined;
  }

  get #name(): string {
    const { mode, podName = hostname() } = this.#options;
    return mode === 'life' ? podName : this.#identity;
  }

  async #leadForLife(): Promise<void> {
    const { name, place, marks, podName, signal, healthy, releases } = this.#options;
    const options: BecomeOptions = {
      ...{ ...place, ...marks, podName, signal, healthy, guard: true, onEvent: this.#onEvent },
    };
    for (;;) {
      const leadership = await become(name, options);
      const term = this.#begin(leadership);
      await this.#serve(term, aborted(signal));
      if (signal.aborted && !releases) return;
      // A lock that was lost is not this Pod's any more, and is left alone.
      const release = signal.aborted ? leadership.release() : leadership.stepDown();
      term.handover.resolve(release);
      await release.catch((error: unknown) => this.#options.say(messageOf(error)));
      if (signal.aborted) return;
    }
  }

  async #leadByLease(): Promise<void> {
    const { name, place, marks, durations, signal, healthy, releases } = this.#options;
    const work = (leadership: LeaseLeadership) => {
      const term = this.#begin(leadership);
      // If its Lease was not released, this process may have taken it again.
      this.#handover?.resolve(undefined);
      this.#handover = term.handover;
      void term.resignation.promise.then(() => leadership.stepDown());
      return this.#serve(term);
    };
    await lead(name, work, {
      ...{ ...place, ...marks, ...durations },
      ...{ identity: this.#identity, signal, recampaign: true, releaseOnCancel: releases },
      ...{ healthy, watchDog: this.#watchDog, onEvent: this.#onEvent },
    });
  }

  #begin(own: Leadership | LeaseLeadership): ServedTerm {
    const handover = Promise.withResolvers<unknown>();
    // Perhaps nobody waits for it.
    handover.promise.catch(() => undefined);
    const resignation = Promise.withResolvers<unknown>();
    const since = systemClock.date();
    this.#term = { own, since, resignation, isResigned: false, handover };
    return this.#term;
  }

  /** Serves one term, until the program has had time to stop. */
  async #serve(term: ServedTerm, ...ends: readonly Promise<unknown>[]): Promise<void> {
    const { mode, name, onLeading, onLost, graceMs, signal } = this.#options;
    const { own, since } = term;
    const { namespace, identity, fencingToken } = own;
    const told: LeaderFacts = { name, namespace, identity, mode, fencingToken, since };
    this.#changed();
    const begun = onLeading(told);
    // What begins the work must not go on when its end has been asked for.
    let ending: Promise<void> | undefined;
    const end = () => (ending ??= begun.end().then(() => onLost(told).ended));
    const survived = beforeCrash(end);
    await Promise.race([own.ended, term.resignation.promise, ...ends]);
    this.#changed();
    // Who has asked this process to step down, or to end, has stopped the program first.
    const hasStopped = term.isResigned || signal.aborted;
    const pause = sleep(systemClock, hasStopped ? 0 : graceMs, signal).catch(() => undefined);
    await Promise.all([end(), pause]);
    survived();
    this.#term = undefined;
    this.#changed();
  }

  readonly #onEvent = (event: ElectionEvent): void => {
    if (event.type === 'waiting') this.#reason = event.reason;
    else if (event.level !== 'debug') this.#reason = event.type;
    const isOver = event.type === 'waiting' && event.leader !== event.identity;
    if (isOver || GIVEN_UP.has(event.type)) this.#handover?.resolve(undefined);
    if (event.type === 'work-abandoned') this.#expire(this.#handover);
    this.#options.onEvent(event);
    if (event.level !== 'debug') this.#changed();
  };

  /** Of abandoned work, no event says when its Lease has expired. */
  #expire(handover: ServedTerm['handover'] | undefined): void {
    const { leaseDurationMs, renewDeadlineMs } = this.#options.durations;
    const expired = () => handover?.resolve(undefined);
    // Renewals go on until the label is removed.
    systemClock.after(leaseDurationMs + renewDeadlineMs, expired, { unref: true });
  }

  #changed(): void {
    this.#reader.forget();
    this.#options.onChange();
  }

  /** Why this candidate does not lead. */
  #reasonOf(read: string | undefined): string {
    if (this.#options.signal.aborted) return 'ending';
    if (this.#term) return 'stepping-down';
    return read ?? this.#reason;
  }

  #ailment(): string | undefined {
    if (this.#death !== undefined) return this.#death;
    try {
      this.#watchDog.check();
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
