import type { Verb } from './route.ts';

/** One request that reached the cluster. */
export interface RequestRecord {
  /** When it came, in milliseconds since the cluster began. */
  readonly time: number;
  /** Who sent it; empty when the token was no good. */
  readonly user: string;
  readonly verb: Verb;
  /** Plural name; empty for paths such as `/version`. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  /** For lists and watches the name that their field selector asks for. */
  readonly name: string;
  readonly userAgent: string;
  /** The answer's code; 0 until it is sent, and for ever where none is. */
  readonly status: number;
  /** How long the answer took; for a watch, its beginning. */
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

/** As `RequestMatch`, and by the answer too. */
export interface AnsweredMatch extends RequestMatch {
  readonly status?: number;
}
