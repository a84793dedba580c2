import { printable, printableLines } from './platform/printable.ts';

/** Stable name of what went wrong: messages may change, codes do not. `docs/errors.md` says what to do. */
export type ErrorCode =
  /** An argument, an option or an environment variable has an invalid value. A `TypeError`. */
  | 'ERR_INVALID_ARGUMENT'
  /** This is a Pod, but its service account's token or CA cannot be read. */
  | 'ERR_NO_SERVICE_ACCOUNT'
  /** This may be a Pod, but `KUBERNETES_SERVICE_HOST` is not set. */
  | 'ERR_NO_API_SERVER'
  /** Nothing says in which namespace the lock is. */
  | 'ERR_NO_NAMESPACE'
  /** Neither `podName` nor `POD_NAME` says which Pod this is. */
  | 'ERR_NO_POD_NAME'
  /** The `kubeConfig` has no usable cluster. */
  | 'ERR_KUBECONFIG'
  /** The API server does not let this user do what the election needs. */
  | 'ERR_FORBIDDEN'
  /** The lock's namespace does not exist. */
  | 'ERR_NAMESPACE_NOT_FOUND'
  /** The lock's namespace is being deleted. */
  | 'ERR_NAMESPACE_TERMINATING'
  /** The namespace has no Pod of this name, so it cannot own the lock. */
  | 'ERR_POD_NOT_FOUND'
  /** The Pod of this name has another UID than `podUid` or `POD_UID` says. */
  | 'ERR_POD_UID_MISMATCH'
  /** This Pod is being deleted or has ended, so it takes over no more. */
  | 'ERR_POD_TERMINATING'
  /** An object that is no lock has the lock's name. It was not touched. */
  | 'ERR_FOREIGN_LOCK'
  /** An admission webhook or policy denies the request, or no retry can help. */
  | 'ERR_REJECTED'
  /** There was no leadership, or no answer, within `timeoutMs`. */
  | 'ERR_TIMEOUT'
  /** Nobody holds the lock, so nobody can be asked to step down. */
  | 'ERR_NO_LEADER'
  /** Leadership was lost: the lock was taken away, or could not be renewed in time. */
  | 'ERR_LEADERSHIP_LOST'
  /** This leader hands over, because it was asked to or its health check failed. */
  | 'ERR_STEPPED_DOWN'
  /** `check`: this leader could not renew for too long, and its work goes on. */
  | 'ERR_LEASE_EXPIRED'
  /** The work did not end within `renewDeadlineMs` after its signal had aborted. */
  | 'ERR_WORK_ABANDONED'
  /** This process already competes for this lock, under the same identity. */
  | 'ERR_ALREADY_RUNNING'
  /** Leadership has ended, by `release()` or, in lease mode, with the work. */
  | 'ERR_RELEASED'
  /** `release()` could not delete the lock, because the API server did not answer. */
  | 'ERR_RELEASE_FAILED'
  /** The clock of a replica is wrong by more than an hour, so a job does not run. */
  | 'ERR_CLOCK_AHEAD';

/**
 * Every rejection of this library, except for a bad argument (a `TypeError`) and an abort (the
 * signal's reason). The message says what happened, to which object, and what to do.
 */
export class LeaderElectionError extends Error {
  /** Stable; for programs. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(printableLines(message), options);
    this.name = 'LeaderElectionError';
    this.code = code;
  }
}

/** A `TypeError` that names the argument, what it must be and what it is. */
export function invalidArgument(name: string, expected: string, value: unknown): TypeError {
  return badArgument(`${name} must be ${expected}, but is ${show(value)}`);
}

/** A `TypeError` with this message. */
export function badArgument(message: string): TypeError {
  const error = new TypeError(printable(message));
  return Object.assign(error, { code: BAD_ARGUMENT });
}

/** Whether it is such a `TypeError`: `fetch` throws one for a lost connection, too. */
export function isBadArgument(error: unknown): boolean {
  return (Object(error) as { readonly code?: unknown }).code === BAD_ARGUMENT;
}

const BAD_ARGUMENT = 'ERR_INVALID_ARGUMENT' satisfies ErrorCode;

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value));
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return shorten(String(value));
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** Short enough for a message. */
export function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}\u2026` : text;
}
