import type { Clock } from '../clock.ts';
import { invalidArgument } from '../errors.ts';
import { checkFaultRule, checkRequestMatch } from './options.ts';
import { matches, type RequestMatch, type RequestRecord } from './request-log.ts';

/** Milliseconds: always so many, or each time drawn evenly between two bounds. */
export type Delay = number | readonly [minMs: number, maxMs: number];

/** An error that the API server answers. */
export interface ErrorAnswer {
  /** HTTP code. */
  readonly status: number;
  /** Default: the API server's own for that code. */
  readonly reason?: string;
  readonly message?: string;
  /** Sent as `Retry-After` and in the `Status`. */
  readonly retryAfterSeconds?: number;
}

/** What something between a client and the API server answers in its place. */
export interface PageAnswer {
  /** HTTP code, 200 to 599. */
  readonly status: number;
  /** Default: none. */
  readonly body?: string;
  /** Default `text/html`. */
  readonly contentType?: string;
}

/**
 * What shall go wrong, and with which requests. Effects can be combined; of several rules that
 * match, all delay and the first one that fails the request decides how.
 */
export interface FaultRule extends RequestMatch {
  /** Strikes only so often; then the rule is spent. Default: always. */
  readonly times?: number;
  /** Lets so many matching requests (or events) pass first. Default 0. */
  readonly after?: number;
  /** Strikes with this probability, between 0 and 1. Default 1. */
  readonly probability?: number;

  /** Answers with an error. */
  readonly error?: ErrorAnswer;
  /** Answers with something that Kubernetes would not send: the page of a gateway, a redirect. */
  readonly page?: PageAnswer;
  /** Never answers; the client has to give up. */
  readonly hang?: boolean;
  /** Cuts the connection instead of answering. */
  readonly reset?: boolean;
  /**
   * Whether `error`, `page`, `hang` and `reset` strike before the request takes effect or after it has:
   * a write that was made, though its sender is told otherwise or nothing. Default `before`.
   */
  readonly when?: 'before' | 'after';
  /** Time on the way: half of it before the request takes effect, half after. */
  readonly latencyMs?: Delay;
  /** GET and LIST answer as things stood so many writes (of anything) ago. */
  readonly staleBy?: number;

  /** Watches go silent, bookmarks too, with their connections open, until the rule is removed. */
  readonly freeze?: boolean;
  /** A watch's connection is cut after so many events. */
  readonly cutAfterEvents?: number;
  /** A watch shows the event twice. */
  readonly duplicate?: boolean;
  /** A watch shows the event after the next one. */
  readonly reorder?: boolean;
  /** Time until a watch shows an event. Their order stays. */
  readonly eventDelayMs?: Delay;
}

/** A rule at work. Leaving its scope with `using` removes it. */
export interface Fault extends Disposable {
  /** How often it has struck. */
  readonly hits: number;
  /** Ends it. Frozen watches show at once what they held back. */
  remove(): void;
}

/** How a request fails. */
export type Failure =
  | { readonly kind: 'error'; readonly when: 'before' | 'after'; readonly error: ErrorAnswer }
  | { readonly kind: 'page'; readonly when: 'before' | 'after'; readonly page: PageAnswer }
  | { readonly kind: 'hang' | 'reset'; readonly when: 'before' | 'after' };

/** What strikes one request. */
export interface RequestFaults {
  readonly latencyMs: number;
  readonly staleBy: number;
  readonly failure: Failure | undefined;
  readonly cutAfterEvents: number | undefined;
}

/** What strikes one event of a watch. */
export interface EventFaults {
  readonly delayMs: number;
  readonly duplicate: boolean;
  readonly reorder: boolean;
}

/** A watch that is open. */
export interface OpenWatch {
  readonly record: RequestRecord;
  flush(): void;
  cut(cleanly: boolean): void;
}

const REQUEST_EFFECTS = [
  'error',
  'page',
  'hang',
  'reset',
  'latencyMs',
  'staleBy',
  'cutAfterEvents',
] as const;
const EVENT_EFFECTS = ['duplicate', 'reorder', 'eventDelayMs'] as const;

class ActiveRule implements Fault {
  readonly rule: FaultRule;
  hits = 0;
  #seen = 0;
  readonly #remove: (rule: ActiveRule) => void;

  constructor(rule: FaultRule, remove: (rule: ActiveRule) => void) {
    this.rule = rule;
    this.#remove = remove;
  }

  has(effects: readonly (keyof FaultRule)[]): boolean {
    return effects.some((effect) => this.rule[effect] !== undefined);
  }

  strikes(request: RequestRecord, clock: Clock): boolean {
    const { times = Infinity, after = 0, probability = 1 } = this.rule;
    if (this.hits >= times || !matches(this.rule, request)) return false;
    this.#seen += 1;
    if (this.#seen <= after) return false;
    // Certainty draws nothing, so that such a rule does not shift the others' randomness.
    if (probability < 1 && clock.random() >= probability) return false;
    this.hits += 1;
    return true;
  }

  remove(): void {
    this.#remove(this);
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

function failureOf(rule: FaultRule): Failure | undefined {
  const { error, page, hang, reset, when = 'before' } = rule;
  if (error) return { kind: 'error', when, error };
  if (page) return { kind: 'page', when, page };
  if (hang) return { kind: 'hang', when };
  return reset ? { kind: 'reset', when } : undefined;
}

function check(rule: FaultRule): void {
  checkFaultRule(rule);
  const effects: readonly (keyof FaultRule)[] = [...REQUEST_EFFECTS, ...EVENT_EFFECTS, 'freeze'];
  if (!effects.some((effect) => rule[effect] !== undefined)) {
    throw invalidArgument('rule', `one with an effect: ${effects.join(', ')}`, rule);
  }
}

/** The rules by which a cluster misbehaves. All chance comes from the cluster's clock. */
export class Faults {
  readonly #clock: Clock;
  readonly #watches: ReadonlySet<OpenWatch>;
  #rules: ActiveRule[] = [];

  /** @internal */
  constructor(clock: Clock, watches: ReadonlySet<OpenWatch>) {
    this.#clock = clock;
    this.#watches = watches;
  }

  /**
   * Makes requests go wrong from now on, open watches included.
   * Throws a `TypeError` for a rule without an effect, or with one that is none.
   */
  add(rule: FaultRule): Fault {
    check(rule);
    const active = new ActiveRule(rule, (removed) => {
      this.#rules = this.#rules.filter((other) => other !== removed);
      this.#flush();
    });
    this.#rules.push(active);
    return active;
  }

  /** Removes all rules. */
  clear(): void {
    this.#rules = [];
    this.#flush();
  }

  /**
   * Ends the open watches that match: cuts their connections or, with `cleanly`, closes them as
   * after their timeout. Returns how many there were.
   */
  cutWatches(match: RequestMatch = {}, { cleanly = false } = {}): number {
    checkRequestMatch(match);
    const open = [...this.#watches].filter((watch) => matches(match, watch.record));
    for (const watch of open) watch.cut(cleanly);
    return open.length;
  }

  /** @internal */
  strike(request: RequestRecord): RequestFaults {
    let latencyMs = 0;
    let staleBy = 0;
    let failed: Failure | undefined;
    let cutAfterEvents: number | undefined;
    for (const active of this.#rules) {
      if (!active.has(REQUEST_EFFECTS) || !active.strikes(request, this.#clock)) continue;
      const { rule } = active;
      latencyMs += this.#draw(rule.latencyMs);
      staleBy = Math.max(staleBy, rule.staleBy ?? 0);
      failed ??= failureOf(rule);
      cutAfterEvents ??= rule.cutAfterEvents;
    }
    return { latencyMs, staleBy, failure: failed, cutAfterEvents };
  }

  /** @internal */
  strikeEvent(request: RequestRecord): EventFaults {
    const struck = this.#rules
      .filter((active) => active.has(EVENT_EFFECTS) && active.strikes(request, this.#clock))
      .map(({ rule }) => rule);
    return {
      delayMs: struck.reduce((sum, rule) => sum + this.#draw(rule.eventDelayMs), 0),
      duplicate: struck.some((rule) => rule.duplicate),
      reorder: struck.some((rule) => rule.reorder),
    };
  }

  /** @internal */
  isFrozen(request: RequestRecord): boolean {
    return this.#rules.some(({ rule }) => rule.freeze && matches(rule, request));
  }

  #draw(delay: Delay = 0): number {
    if (typeof delay === 'number') return delay;
    const [minMs, maxMs] = delay;
    return minMs + this.#clock.random() * (maxMs - minMs);
  }

  #flush(): void {
    for (const watch of this.#watches) watch.flush();
  }
}
