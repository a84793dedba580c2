import { type AuditedRequest, parseRequest } from '../bench/audit-log.ts';
import type { Term } from '../lab/history.ts';
import { nameOf } from '../lab/verdict.ts';
import { GrowingFile } from '../support/growing-file.ts';

const CREATED = 201;
const BEGINNING = '{"kind":"Event"';

/** A lock that was created, and for whom: unknown where the token is not that of a Pod. */
export type Creation = Pick<AuditedRequest, 'podUid' | 'receivedTime' | 'answeredTime'>;

/** All requests of a namespace, whose name occurs nowhere else, in the log's order. */
export function requestsOf(auditLog: string, namespace: string): AuditedRequest[] {
  const lines = new GrowingFile(auditLog).readLines();
  return lines
    .filter((line) => line.includes(namespace))
    .map((line) => {
      // A server that was killed may have left half a line before this one.
      return parseRequest(line.slice(Math.max(0, line.lastIndexOf(BEGINNING))));
    });
}

/** All locks of this name that were created. */
export function creationsOf(requests: readonly AuditedRequest[], lockName: string): Creation[] {
  return requests.filter(
    ({ verb, resource, name, status }) =>
      verb === 'create' && resource === 'configmaps' && name === lockName && status === CREATED,
  );
}

/** Pods that got the lock while another Pod said that it leads. */
export function usurpations(terms: readonly Term[], creations: readonly Creation[]): string[] {
  return creations.flatMap(({ podUid, receivedTime, answeredTime }) =>
    terms
      .filter(({ uid }) => podUid !== undefined && uid !== podUid)
      .filter(({ fromTime, toTime }) => fromTime < receivedTime && answeredTime < toTime)
      .map((term) => `the Pod ${podUid ?? ''} got the lock while ${nameOf(term)} led`),
  );
}

/** Pods that led, and for which the API server never created a lock. */
export function unfounded(terms: readonly Term[], creations: readonly Creation[]): string[] {
  return terms
    .filter(({ uid, fromTime }) => {
      return !creations.some(({ podUid = uid, receivedTime }) => {
        return podUid === uid && receivedTime <= fromTime;
      });
    })
    .map((term) => `${nameOf(term)} led without having created the lock`);
}
