/** One request to the Kubernetes API, without credentials. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path below the server's root, for example `/api/v1/namespaces/x/pods/y`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The body's media type; patches need another. @default `application/json` */
  readonly contentType?: string;
  /** @default `application/json` */
  readonly accept?: string;
}

/** A request that changes these fields of an object, and no others. */
export function mergePatch(path: string, body: object): ApiRequest {
  return { method: 'PATCH', path, body, contentType: 'application/merge-patch+json' };
}

/** The head of an answer and its body, which may be a stream without end (a watch). */
export interface ApiResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text in the pieces in which it arrived; leaving the loop cancels the rest. */
  readonly body: AsyncIterable<string>;
  /** Removes credentials that were sent from a text, because some servers repeat them. */
  readonly conceal?: (text: string) => string;
}

/** How far a request has come. It may have been sent, unless its transport says otherwise. */
export interface Progress {
  sent: boolean;
}

/**
 * Carries requests to an API server. This is the whole interface between the library and the
 * network: the real one is `connection.ts`, the one in memory is in `testing/`.
 */
export interface Transport {
  /**
   * Resolves once the answer's head has arrived, whatever its status. Rejects if no answer comes,
   * or with `signal.reason` once that aborts; a later abort ends the body with it.
   *
   * A transport that knows when it sends sets `progress.sent` to false at once, and to true before
   * the first byte of the request may go out.
   */
  send(request: ApiRequest, signal: AbortSignal, progress?: Progress): Promise<ApiResponse>;
  /** From now on, connections do not keep the process alive. */
  unref?(): void;
  /** Closes every connection at once. Sending again opens a new one. */
  close(): void;
}
