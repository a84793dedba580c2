import type { RequestMatch } from './request-record.ts';

/** Milliseconds: a fixed number, or one drawn evenly between two bounds each time. */
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
  /** Number of matching requests (or events) to let pass first. Default 0. */
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
  /** GET and LIST answer as things stood this many writes (of anything) ago. */
  readonly staleBy?: number;

  /** Watches go silent, bookmarks too, with their connections open, until the rule is removed. */
  readonly freeze?: boolean;
  /** A watch's connection is cut after this many events. */
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
