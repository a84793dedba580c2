import { GrowingFile } from '../support/growing-file.ts';

/** A request in the API server's audit log. */
export interface AuditedRequest {
  readonly id: string;
  readonly verb: string;
  /** The path of what is no resource. */
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** Which version of the object is to be replaced, if only that one is. */
  readonly resourceVersion: string | undefined;
  /** Whose token it bears; unknown where that is not a Pod's. */
  readonly podUid: string | undefined;
  /** Which of all tokens it bears: its `jti`; unknown where that is not a service account's. */
  readonly tokenId: string | undefined;
  readonly status: number;
  /** Wall time in milliseconds, precise to the microsecond. */
  readonly receivedTime: number;
  /** When it was answered; for a watch, when the answer began. */
  readonly answeredTime: number;
}

interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  readonly user: { readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly resourceVersion?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

/** What the audit log says about one namespace and its service accounts, up to now. */
export class AuditLog {
  readonly #file: GrowingFile;
  readonly #namespace: string;
  readonly #requests = new Map<string, AuditedRequest>();

  /** `namespace` is to be a name that occurs nowhere else. */
  constructor(path: string, namespace: string) {
    this.#file = new GrowingFile(path);
    this.#namespace = namespace;
  }

  /** Leaves out what was written up to now. */
  skip(): void {
    this.#file.skip();
    this.#requests.clear();
  }

  /** Each request once, in the order in which they were answered. */
  read(): readonly AuditedRequest[] {
    for (const line of this.#file.readLines()) {
      if (!line.includes(this.#namespace)) continue;
      const request = parseRequest(line);
      // The log has the end of a watch, too.
      if (!this.#requests.has(request.id)) this.#requests.set(request.id, request);
    }
    return [...this.#requests.values()].sort((a, b) => a.answeredTime - b.answeredTime);
  }
}

export function parseRequest(line: string): AuditedRequest {
  const event = JSON.parse(line) as AuditEvent;
  const { extra } = event.user;
  return {
    id: event.auditID,
    verb: event.verb,
    resource: event.objectRef?.resource ?? event.requestURI,
    namespace: event.objectRef?.namespace,
    name: event.objectRef?.name,
    resourceVersion: event.objectRef?.resourceVersion,
    podUid: extra?.['authentication.kubernetes.io/pod-uid']?.[0],
    tokenId: extra?.['authentication.kubernetes.io/credential-id']?.[0]?.replace(/^JTI=/, ''),
    status: event.responseStatus?.code ?? 0,
    receivedTime: parseTime(event.requestReceivedTimestamp),
    answeredTime: parseTime(event.stageTimestamp),
  };
}

/** `Date.parse` knows no microseconds. */
export function parseTime(timestamp: string): number {
  const [, seconds, fraction = '0'] = /^([^.]+?)(?:\.(\d+))?Z$/.exec(timestamp) ?? [];
  if (seconds === undefined) throw new TypeError(`not a time in UTC: ${timestamp}`);
  return Date.parse(`${seconds}Z`) + Number(`0.${fraction}`) * 1_000;
}
