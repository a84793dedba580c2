import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Readable, Writable } from 'node:stream';

export interface Head {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly hasBody: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Those that came behind the body; to be asked for when it has ended. */
  trailers(): IncomingHttpHeaders;
  /** Whether the body has ended before its end: that is not told by an error each time. */
  hasBrokenOff(): boolean;
}

/** A request that went on to the API server. */
export interface Onward {
  /** Takes the request's body. */
  readonly body: Writable;
  readonly answer: Promise<Answer>;
  /** With which the API server reset it; undefined where that took the connection along. */
  resetCode(): number | undefined;
  /** Nobody wants the answer any more, and the API server is told. */
  cancel(): void;
}

/** A connection to the API server that belongs to one connection of a client. */
export interface Upstream {
  send(head: Head): Onward;
}
