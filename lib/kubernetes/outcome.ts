/** What a failed request means: retry, or final. */
import { messageOf, printable } from '../platform/printable.ts';

/** The part of Kubernetes' `Status` object that decisions and messages need. */
export interface Status {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly string[];
  /** The part of the request that it is about; undefined for none. */
  readonly about?: 'object' | 'namespace' | undefined;
}

/** The longest `Retry-After` to obey: a server, or a proxy, may be wrong about it. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** More causes than one refusal has. */
const MAX_CAUSES = 20;

/** The API server refused the request. */
export class ApiError extends Error implements Status {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly string[];
  readonly about: Status['about'];
  readonly retryAfterMs: number | undefined;

  constructor(status: Status, request: string, retryAfterMs?: number) {
    const code = [status.status, status.reason].filter(Boolean).join(' ');
    super(printable([request, code, status.message].filter(Boolean).join(': ')));
    this.name = 'ApiError';
    this.status = status.status;
    this.reason = printable(status.reason);
    this.causes = status.causes.slice(0, MAX_CAUSES).map(printable);
    this.about = status.about;
    this.retryAfterMs = retryAfterMs && Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
  }
}

/** No answer, or not Kubernetes' own. Whether the request took effect is unknown. */
export class NoAnswerError extends Error {
  /** False if certainly nothing of the request was sent, so it has no effect. */
  readonly sent: boolean;

  constructor(request: string, cause: unknown, sent = true) {
    super(printable(`${request}: ${describe(cause)}`), { cause });
    this.name = 'NoAnswerError';
    this.sent = sent;
  }
}

function describe(error: unknown): string {
  const { code } = Object(error) as { readonly code?: unknown };
  const message = messageOf(error);
  return typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message;
}

const transientStatuses = new Set([401, 408, 429, 500, 502, 503, 504]);

/** Whether the same request may succeed later without anybody's intervention. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ApiError) {
    return isTransientStatus(error.status) || isQuotaBusy(error) || isStarting(error);
  }
  return error instanceof NoAnswerError;
}

/** Whether a request with this answer may succeed later; any program may have sent it. */
export function isTransientStatus(status: number): boolean {
  return transientStatuses.has(status);
}

/**
 * Admission plugins of an API server that has just started, until they have loaded what they decide
 * by.
 */
function isStarting(error: ApiError): boolean {
  return error.status === 403 && error.message.includes('not yet ready to handle request');
}

/** Creates of any kind that count against one quota collide if they come at the same time. */
function isQuotaBusy(error: ApiError): boolean {
  return error.status === 409 && error.message.includes('resourcequotas');
}

/** Whether the write behind this error may have taken effect, or may still do so. */
export function isAmbiguous(error: unknown): boolean {
  if (error instanceof ApiError) return error.status >= 500 || error.status === 408;
  return error instanceof NoAnswerError && error.sent;
}

/**
 * The namespace's quota of objects is used up, or its use is not counted yet: an admission plugin's
 * 403, not a missing right.
 */
export function isQuotaExceeded(error: unknown): error is ApiError {
  return hasStatus(error, 403) && /exceeded quota|status unknown for quota/.test(error.message);
}

/** The authorizer's 403, not an admission plugin's. */
export function isRightMissing(error: unknown): boolean {
  return hasStatus(error, 403) && error.message.includes(' is forbidden: User "');
}

/** A terminating namespace denies every create, also with a 403. */
export function isNamespaceTerminating(error: unknown): boolean {
  return error instanceof ApiError && error.causes.includes('NamespaceTerminating');
}

/** Kubernetes says that the object named by the request does not exist. */
export function isAbsent(error: unknown): boolean {
  return hasStatus(error, 404) && error.about === 'object';
}

/** Kubernetes says that the namespace of the object to write does not exist. */
export function isNamespaceAbsent(error: unknown): boolean {
  return hasStatus(error, 404) && error.about === 'namespace';
}

/** Kubernetes says that the object to create exists already. */
export function isTaken(error: unknown): boolean {
  return hasStatus(error, 409) && error.about === 'object' && error.reason === 'AlreadyExists';
}

/** Kubernetes says that the object, or its version, is not the one that the write was meant for. */
export function isConflict(error: unknown): boolean {
  return hasStatus(error, 409) && error.about === 'object' && error.reason === 'Conflict';
}

export function hasStatus(error: unknown, status: number): error is ApiError {
  return error instanceof ApiError && error.status === status;
}

/** An error's message and code; other properties, such as options, may be secret. */
export function stripError(error: unknown): Error & { readonly code?: string } {
  const { code } = Object(error) as { readonly code?: unknown };
  const rest = new Error(messageOf(error));
  return typeof code === 'string' ? Object.assign(rest, { code }) : rest;
}
