/** What a failed request means: worth another try, or final. */
import { printable } from '../platform/printable.ts';

/** The part of Kubernetes' `Status` object that decisions and messages need. */
export interface Status {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly string[];
  /** Which of what the request named it speaks of. Undefined for anything else, or nothing. */
  readonly about?: 'object' | 'namespace' | undefined;
}

/** The longest time for which a server, or a proxy that is wrong about it, is left alone. */
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** More of them than one refusal has. */
const MAX_CAUSES = 20;

/** The API server answered, and the answer is no. */
export class ApiError extends Error implements Status {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly string[];
  readonly about: Status['about'];
  readonly retryAfterMs: number | undefined;

  constructor(status: Status, request: string, retryAfterMs?: number) {
    const code = [status.status, status.reason].filter(Boolean).join(' ');
    super(printable(`${request}: ${code}: ${status.message}`));
    this.name = 'ApiError';
    this.status = status.status;
    this.reason = printable(status.reason);
    this.causes = status.causes.slice(0, MAX_CAUSES).map(printable);
    this.about = status.about;
    this.retryAfterMs = retryAfterMs && Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
  }
}

/** No answer, or none of Kubernetes' own. Whether the request took effect is unknown. */
export class NoAnswerError extends Error {
  /** False if it is certain that nothing of the request was sent: then it has no effect. */
  readonly sent: boolean;

  constructor(request: string, cause: unknown, sent = true) {
    const what = cause instanceof Error ? describe(cause) : String(cause);
    super(printable(`${request}: ${what}`), { cause });
    this.name = 'NoAnswerError';
    this.sent = sent;
  }
}

function describe(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const message = messageOf(error);
  return code && !message.includes(code) ? `${message} (${code})` : message;
}

/** A host with several addresses fails with an error for each, in one without a message. */
function messageOf(error: unknown): string {
  const { message, errors } = Object(error) as { message?: unknown; errors?: unknown };
  if (message !== '' || !Array.isArray(errors)) return String(message);
  return errors.map(messageOf).join('; ');
}

const transientStatuses = new Set([401, 408, 429, 500, 502, 503, 504]);

/** Whether the same request may succeed later without anybody changing anything. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ApiError) {
    return isTransientStatus(error.status) || isQuotaBusy(error) || isStarting(error);
  }
  return error instanceof NoAnswerError;
}

/** Whether a request with this answer may succeed later, no matter who answered. */
export function isTransientStatus(status: number): boolean {
  return transientStatuses.has(status);
}

/** Admission plugins of an API server that has just started, until they know what they decide by. */
function isStarting(error: ApiError): boolean {
  return error.status === 403 && error.message.includes('not yet ready to handle request');
}

/** Creates of whatever kind that count against one quota at the same time get in each other's way. */
function isQuotaBusy(error: ApiError): boolean {
  return error.status === 409 && error.message.includes('resourcequotas');
}

/** Whether the write behind this error may have been, or may yet be, carried out. */
export function isAmbiguous(error: unknown): boolean {
  if (error instanceof ApiError) return error.status >= 500 || error.status === 408;
  return error instanceof NoAnswerError && error.sent;
}

/**
 * The namespace has used up its quota of objects, or nobody has yet counted what it has used: an
 * admission's 403, not a missing right.
 */
export function isQuotaExceeded(error: unknown): error is ApiError {
  return hasStatus(error, 403) && /exceeded quota|status unknown for quota/.test(error.message);
}

/** The authorizer's 403, not an admission's. */
export function isRightMissing(error: unknown): boolean {
  return hasStatus(error, 403) && error.message.includes(' is forbidden: User "');
}

/** A terminating namespace denies every create, also with a 403. */
export function isNamespaceTerminating(error: unknown): boolean {
  return error instanceof ApiError && error.causes.includes('NamespaceTerminating');
}

/** Kubernetes says that the object which the request named is not there. */
export function isAbsent(error: unknown): boolean {
  return hasStatus(error, 404) && error.about === 'object';
}

/** Kubernetes says that the namespace in which something was to be written is not there. */
export function isNamespaceAbsent(error: unknown): boolean {
  return hasStatus(error, 404) && error.about === 'namespace';
}

/** Kubernetes says that the object to be created is there. */
export function isTaken(error: unknown): boolean {
  return hasStatus(error, 409) && error.about === 'object' && error.reason === 'AlreadyExists';
}

/** Kubernetes says that the object is another, or another version, than the write was meant for. */
export function isConflict(error: unknown): boolean {
  return hasStatus(error, 409) && error.about === 'object' && error.reason === 'Conflict';
}

export function hasStatus(error: unknown, status: number): error is ApiError {
  return error instanceof ApiError && error.status === status;
}

/** An error's message and code; whatever else it carries, options for instance, may be secret. */
export function stripError(error: unknown): Error & { readonly code?: string } {
  const { code } = Object(error) as { readonly code?: unknown };
  const rest = new Error(messageOf(error));
  return typeof code === 'string' ? Object.assign(rest, { code }) : rest;
}
