import { printable, printableLines } from './platform/printable.ts';

/** Every `code` of an error of this library; `docs/errors.md` explains each. */
export const errorCodes = [
  'ERR_INVALID_ARGUMENT',
  'ERR_NO_SERVICE_ACCOUNT',
  'ERR_NO_API_SERVER',
  'ERR_NO_NAMESPACE',
  'ERR_NO_POD_NAME',
  'ERR_KUBECONFIG',
  'ERR_FORBIDDEN',
  'ERR_NAMESPACE_NOT_FOUND',
  'ERR_NAMESPACE_TERMINATING',
  'ERR_POD_NOT_FOUND',
  'ERR_POD_UID_MISMATCH',
  'ERR_POD_TERMINATING',
  'ERR_FOREIGN_LOCK',
  'ERR_REJECTED',
  'ERR_TIMEOUT',
  'ERR_NO_LEADER',
  'ERR_LEADERSHIP_LOST',
  'ERR_STEPPED_DOWN',
  'ERR_LEASE_EXPIRED',
  'ERR_WORK_ABANDONED',
  'ERR_ALREADY_RUNNING',
  'ERR_RELEASED',
  'ERR_RELEASE_FAILED',
  'ERR_CLOCK_AHEAD',
] as const;

/** Stable name of what went wrong; messages may change, codes do not. */
export type ErrorCode = (typeof errorCodes)[number];

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
  return Object.assign(error, { code: 'ERR_INVALID_ARGUMENT' satisfies ErrorCode });
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value));
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return shorten(String(value));
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** Short enough for a message. */
export function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
