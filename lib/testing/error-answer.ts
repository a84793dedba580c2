import type { ErrorAnswer } from './fault-rule.ts';
import {
  conflict,
  failure,
  forbidden,
  invalid,
  notFound,
  unknownResource,
  type ApiError,
  type Status,
  type Subject,
} from './status.ts';

const REASONS: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  401: ['Unauthorized', 'Unauthorized'],
  408: ['Timeout', 'Timeout: request did not complete within the allotted timeout'],
  410: ['Expired', 'The resourceVersion for the provided list is too old.'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'Too many requests, please try again later.'],
  500: ['InternalError', 'Internal error occurred: etcdserver: request timed out'],
  502: ['', 'Bad Gateway'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'Timeout: request did not complete within requested timeout'],
};

/** What the request is about, as a `Status` names it. */
export interface Target extends Subject {
  readonly verb: string;
  readonly namespace: string;
}

/** What the API server says of the object that was asked for, or that could not be created. */
function refusalOf(status: number, target: Target): ApiError | undefined {
  switch (status) {
    case 403:
      return forbidden(target, 'forbidden');
    case 404:
      if (target.verb === 'create') {
        return notFound({ group: '', kind: 'namespaces', name: target.namespace });
      }
      return ['list', 'watch'].includes(target.verb) ? unknownResource() : notFound(target);
    case 409:
      return conflict(target, 'the object has been modified');
    case 422:
      return invalid(target, []);
    default:
      return undefined;
  }
}

/** The answer in the API server's own words: it names what was asked for. */
export function statusOf(error: ErrorAnswer, target: Target): Status {
  const usual = refusalOf(error.status, target)?.status;
  const [reason = usual?.reason ?? '', message = usual?.message ?? `HTTP ${error.status}`] =
    REASONS[error.status] ?? [];
  const { retryAfterSeconds } = error;
  const details = {
    ...usual?.details,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  };
  return failure(
    error.status,
    error.reason ?? reason,
    error.message ?? message,
    usual?.details || retryAfterSeconds !== undefined ? details : undefined,
  );
}
