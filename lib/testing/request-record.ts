import type { Verb } from './route.ts';

/** One request that reached the cluster. */
export interface RequestRecord {
  /** When it arrived, in milliseconds since the start of the cluster. */
  readonly time: number;
  /** User; empty if the token was invalid. */
  readonly user: string;
  readonly verb: Verb;
  /** Plural name; empty for paths such as `/version`. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** For lists and watches, the name in their field selector. */
  readonly name: string;
  readonly userAgent: string;
  /** The answer's code; 0 until it is sent, and for ever if none is. */
  readonly status: number;
  /** Milliseconds until the answer or, for a watch, its head. */
  readonly latencyMs: number;
}

/** Requests with these properties; what is left out may be anything. */
export interface RequestMatch {
  readonly user?: string;
  readonly verb?: Verb | readonly Verb[];
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** Like `RequestMatch`, and by the answer too. */
export interface AnsweredMatch extends RequestMatch {
  readonly status?: number;
}
