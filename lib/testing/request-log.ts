import { checkAnsweredMatch } from './options.ts';
import type { AnsweredMatch, RequestRecord } from './request-record.ts';
import type { Clock } from '../platform/clock.ts';

type Comparable = Omit<RequestRecord, 'time' | 'userAgent' | 'latencyMs'>;

/** Whether a request has the properties asked for. */
export function matches(match: AnsweredMatch, request: Comparable): boolean {
  return (
    (match.user === undefined || match.user === request.user) &&
    (match.verb === undefined || [match.verb].flat().includes(request.verb)) &&
    (match.resource === undefined || match.resource === request.resource) &&
    (match.subresource === undefined || match.subresource === request.subresource) &&
    (match.namespace === undefined || match.namespace === request.namespace) &&
    (match.name === undefined || match.name === request.name) &&
    (match.status === undefined || match.status === request.status)
  );
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * Keeps every request that reaches the cluster, including those that a fault keeps from taking
 * effect.
 */
export class RequestLog implements Iterable<RequestRecord> {
  readonly #clock: Clock;
  readonly #start: number;
  readonly #answered: () => void;
  #records: Mutable<RequestRecord>[] = [];

  /** @internal `answered` is called after each answer. */
  constructor(clock: Clock, answered: () => void) {
    this.#clock = clock;
    this.#start = clock.now();
    this.#answered = answered;
  }

  /** The requests, in the order of arrival. */
  [Symbol.iterator](): Iterator<RequestRecord> {
    return this.#records[Symbol.iterator]();
  }

  get length(): number {
    return this.#records.length;
  }

  /** The requests with these properties, in the order of arrival. */
  filter(match: AnsweredMatch = {}): RequestRecord[] {
    checkAnsweredMatch(match);
    return this.#records.filter((record) => matches(match, record));
  }

  /** Number of requests with these properties. */
  count(match: AnsweredMatch = {}): number {
    return this.filter(match).length;
  }

  /** Forgets all requests so far. */
  clear(): void {
    this.#records = [];
  }

  /** @internal */
  begin(request: Omit<RequestRecord, 'time' | 'status' | 'latencyMs'>): RequestRecord {
    const time = this.#clock.now() - this.#start;
    const record = { time, ...request, status: 0, latencyMs: 0 };
    this.#records.push(record);
    return record;
  }

  /** @internal */
  end(record: Mutable<RequestRecord>, status: number): void {
    record.status = status;
    record.latencyMs = this.#clock.now() - this.#start - record.time;
    this.#answered();
  }
}
