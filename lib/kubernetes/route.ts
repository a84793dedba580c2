import type { Socket } from 'node:net';

import type { ApiResponse, Progress } from './transport.ts';

/** A request with everything that goes over the wire. */
export interface OutgoingRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** One connection to the API server, or an agent for several. */
export interface Route {
  /** Whether it takes further requests. */
  readonly isOpen: boolean;
  /** Number of requests that it carries at a time, as far as is known. */
  readonly maxStreams: number;
  /** Whether it can carry one more request now, without making it wait for others. */
  readonly hasRoom: boolean;
  /**
   * Whether no request is under way any more. A new route counts as busy, because a request is
   * coming.
   */
  readonly isIdle: boolean;
  /** Whether it has ended completely. */
  readonly isOver: boolean;
  /** Sets `progress.sent` before the first byte may go out; calls `onOver` when all of it has ended. */
  send(
    request: OutgoingRequest,
    signal: AbortSignal,
    progress: Progress,
    onOver: () => void,
  ): Promise<ApiResponse>;
  /** Whether it keeps the process alive. At first it does not. */
  holdProcess(isWanted: boolean): void;
  /** Takes no further requests; those under way go on. */
  retire(): void;
  /** Ends it and every request under way. */
  close(): void;
}

/** The server's name or address, without the brackets that URLs put around an IPv6 address. */
export function hostOf(server: URL): string {
  return server.hostname.replace(/[[\]]/g, '');
}

/** The headers of an answer; those of HTTP/2 with a colon are none. */
export function headersOf(head: object): Record<string, string> {
  const entries = Object.entries(head).filter(([name]) => !name.startsWith(':'));
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

/** Whether the socket keeps the process alive. */
export function hold(socket: Socket, isWanted: boolean): void {
  if (isWanted) socket.ref();
  else socket.unref();
}
