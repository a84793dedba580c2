import type { RequestMatch } from './request-record.ts';

/** Milliseconds: a fixed number, or one drawn evenly between two bounds each time. */
export type Delay = number | readonly [minMs: number, maxMs: number];

/** An error answered by the API server. */
export interface ErrorAnswer {
  /** HTTP code. */
  readonly status: number;
  /** @default the API server's own for that code */
  readonly reason?: string;
  readonly message?: string;
  /** Sent as `Retry-After` and in the `Status`. */
  readonly retryAfterSeconds?: number;
}

/** An answer from something between a client and the API server. */
export interface PageAnswer {
  /** HTTP code, 200 to 599. */
  readonly status: number;
  /** @default none */
  readonly body?: string;
  /** @default `text/html` */
  readonly contentType?: string;
}

/**
 * What goes wrong, and with which requests. Effects can be combined. Of several rules that match,
 * all delay the request, and the first one that fails it decides how.
 */
export interface FaultRule extends RequestMatch {
  /** Strikes this often; then the rule is spent. @default always */
  readonly times?: number;
  /** Number of matching requests (or events) to let pass first. @default 0 */
  readonly after?: number;
  /** Strikes with this probability, between 0 and 1. @default 1 */
  readonly probability?: number;

  /** Answers with an error. */
  readonly error?: ErrorAnswer;
  /** Answers with something that Kubernetes would not send: a gateway's page, a redirect. */
  readonly page?: PageAnswer;
  /** Never answers, until the client gives up. */
  readonly hang?: boolean;
  /** Cuts the connection instead of answering. */
  readonly reset?: boolean;
  /**
   * Whether `error`, `page`, `hang` and `reset` strike before the request takes effect, or after
   * it: then a write is made, but its sender is told otherwise or nothing.
   * @default `before`
   */
  readonly when?: 'before' | 'after';
  /** Delay of the request, half before it takes effect, half after. */
  readonly latencyMs?: Delay;
  /** GET and LIST return the state of this many writes (of anything) ago. */
  readonly staleBy?: number;

  /**
   * Watches go silent, including bookmarks, while their connections stay open, until the rule is
   * removed. `times`, `after` and `probability` do not limit this, and `hits` does not count it.
   */
  readonly freeze?: boolean;
  /** A watch's connection is cut after this many events. */
  readonly cutAfterEvents?: number;
  /** A watch shows the event twice. */
  readonly duplicate?: boolean;
  /** A watch shows the event after the next one. */
  readonly reorder?: boolean;
  /** Delay of a watch's events. Their order stays. */
  readonly eventDelayMs?: Delay;
}

/** How watches are cut. */
export interface CutOptions {
  /** Whether the server closes them, as after a timeout. @default `false`: the connection breaks */
  readonly cleanly?: boolean;
}

/** An active rule. The end of a `using` block removes it. */
export interface Fault extends Disposable {
  /** How often it has struck. */
  readonly hits: number;
  /** Removes the rule. Frozen watches show at once what they held back. */
  remove(): void;
}
