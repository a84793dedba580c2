import type { CutOptions, Delay, ErrorAnswer, Fault, FaultRule, PageAnswer } from './fault-rule.ts';
import { checkCutOptions, checkFaultRule, checkRequestMatch } from './options.ts';
import { matches } from './request-log.ts';
import type { RequestMatch, RequestRecord } from './request-record.ts';
import { invalidArgument } from '../errors.ts';
import type { Clock } from '../platform/clock.ts';

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
    // Certainty draws no random number, so such a rule does not change the others' randomness.
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

/** The rules by which a cluster misbehaves. All randomness comes from the cluster's clock. */
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
   * Makes requests go wrong from now on, including open watches. Throws a `TypeError` for a rule
   * without an effect, or with an invalid one.
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
   * after a timeout. Returns their number.
   */
  cutWatches(match: RequestMatch = {}, options: CutOptions = {}): number {
    checkRequestMatch(match);
    checkCutOptions(options);
    const { cleanly = false } = options;
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
