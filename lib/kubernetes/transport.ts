/** One request to the Kubernetes API, without anything that identifies who sends it. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute path below the server's root, for example `/api/v1/namespaces/x/pods/y`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The body's media type. Default `application/json`; patches need another. */
  readonly contentType?: string;
  /** Default `application/json`. */
  readonly accept?: string;
}

/** The head of an answer and its body, which may be a stream without end (a watch). */
export interface ApiResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text in the pieces in which it arrived; leaving the loop cancels the rest. */
  readonly body: AsyncIterable<string>;
  /** Takes out of a text what was sent as a credential: some servers repeat what they were told. */
  readonly conceal?: (text: string) => string;
}

/** How far a request has come. It may have been sent, unless its transport says otherwise. */
export interface Progress {
  sent: boolean;
}

/**
 * Carries requests to an API server. This is the whole seam between the library and the network:
 * the real one is `connection.ts`, the one in memory is in `testing/`.
 */
export interface Transport {
  /**
   * Resolves once the answer's head arrived, whatever its status.
   * Rejects when no answer came, or with `signal.reason` once that aborts; aborting later ends the body in the same way.
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
