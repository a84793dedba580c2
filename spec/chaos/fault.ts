/** Which way something goes: to the API server, or from it. */
export type Direction = 'to' | 'from';

/** A request as the proxy sees it before it goes on. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly isWatch: boolean;
}

/** Whom a fault of requests strikes: without any of these, each request while it lasts. */
export interface Aim {
  readonly only?: 'reads' | 'writes' | 'watches' | ((request: SeenRequest) => boolean);
  /** Strikes with this probability, by the proxy's `random`. */
  readonly probability?: number;
  /** Strikes so often, then no more. */
  readonly times?: number;
}

/** What befalls connections, whatever is said over them. */
export type ConnectionFault =
  /** All bytes of a direction (of both, if none is given) arrive so much later, in their order. */
  | { readonly kind: 'latency'; readonly ms: number; readonly direction?: Direction }
  /** All connections are reset (RST) at once; those that are made afterwards are well. */
  | { readonly kind: 'reset' }
  /**
   * As when a firewall has forgotten a connection: bytes are swallowed both ways, also those of new
   * ones, and nobody is told. What was struck stays so; connections made after the end are well.
   */
  | { readonly kind: 'half-open' }
  /** As a one-way partition: what is sent, ends and resets included, arrives when it is over. */
  | { readonly kind: 'blackhole'; readonly direction: Direction }
  /** Connections that are made meanwhile are reset at once. */
  | { readonly kind: 'drop-on-accept' };

/** What befalls single requests and their answers. */
export type RequestFault = Aim &
  (
    | { readonly kind: 'delay-request'; readonly ms: number }
    /** It took effect long before its answer is told. */
    | { readonly kind: 'delay-answer'; readonly ms: number }
    /** Answered by the proxy: the API server never sees it. */
    | {
        readonly kind: 'refuse';
        readonly status: 429 | 500 | 503;
        readonly retryAfterSeconds?: number;
      }
    /** It took effect, but the answer says otherwise. */
    | { readonly kind: 'fail-after-effect'; readonly status: 500 | 503 | 504 }
    /** Its connection is reset before it goes on, or in place of the answer: it took effect. */
    | { readonly kind: 'reset-connection'; readonly when: 'before' | 'after-effect' }
    /** The body ends in its middle: by a reset of its stream, or as if that were all of it. */
    | { readonly kind: 'truncate'; readonly as: 'reset' | 'complete' }
  );

/** Watches stay open and say nothing; what happened meanwhile is told when it is over. */
export interface FreezeWatches {
  readonly kind: 'freeze-watches';
}

export type Fault = ConnectionFault | RequestFault | FreezeWatches;

export type FaultKind = Fault['kind'];

/** Of one line, from its beginning. */
export interface Counts {
  /** Connections that were accepted. */
  connections: number;
  /** Connections that there are now. */
  open: number;
  /** Requests that came. */
  requests: number;
  /** Requests that went on to the API server. */
  forwarded: number;
  /** Requests of which the client wanted no answer any more. */
  aborted: number;
  /** How many connections or requests each kind of fault has struck. */
  readonly struck: Record<FaultKind, number>;
}

/** A client's own way to the API server. */
export interface Line {
  readonly name: string;
  /** For the `server` of a kubeconfig. */
  readonly server: string;
  /** For its `certificate-authority-data`, in PEM. */
  readonly ca: string;
  readonly counts: Readonly<Counts>;
  /** The fault lasts until it is disposed of. Several can be at work at once. */
  strike(fault: Fault): Disposable;
  /** Resolves once nothing of it is left; what was under way is cut off. */
  close(): Promise<void>;
}

/** What a client proves itself with where it bears no token. */
export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface FaultProxyOptions {
  /** The API server's URL (https), and the certificate to trust. */
  readonly upstream: { readonly server: string; readonly ca: string };
  /** What it shows to its clients, both PEM. @default of its own, which nobody else trusts */
  readonly identity?: { readonly certificate: string; readonly key: string };
  /** Decides what has a probability: 0 to 1. */
  readonly random?: () => number;
}

/** A way to an API server on which faults can be put: `FaultProxy` in `fault-proxy.ts` is one. */
export interface Faults {
  /**
   * A new line with a port of its own. It passes on what the client says, bearer tokens included; a
   * certificate is shown to the API server on behalf of whoever connects.
   */
  line(name: string, certificate?: ClientCertificate): Promise<Line>;
  /** Closes all lines. */
  close(): Promise<void>;
}
