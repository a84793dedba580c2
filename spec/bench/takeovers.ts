import type { AuditedRequest } from './audit-log.ts';
import type { Window } from './situation.ts';

/** For how long after a takeover those who lost the race may still be heard of. */
const ECHO_MS = 1_000;
const CREATED = 201;
const OK = 200;

/** From each deletion of a lock to the creation that follows it. */
export function handoversOf(requests: readonly AuditedRequest[], lockName: string): number[] {
  const handovers: number[] = [];
  let freed: number | undefined;
  for (const { verb, resource, name, status, answeredTime } of inOrder(requests)) {
    if (resource !== 'configmaps' || name !== lockName) continue;
    if (verb === 'delete' && status === OK) freed = answeredTime;
    if (verb !== 'create' || status !== CREATED || freed === undefined) continue;
    handovers.push(Math.max(answeredTime - freed, 0));
    freed = undefined;
  }
  return handovers;
}

/** A change of a Lease's holder, as the API server answered. */
export interface Takeover {
  /** From the last write of the process that held it, a renewal or the release. */
  readonly sinceLastWriteMs: number;
  /** How many writes others tried, the one that won among them. */
  readonly attempts: number;
}

/** All takeovers of a Lease, in the order of time. Who writes is told by the token. */
export function takeoversOf(requests: readonly AuditedRequest[], lease: string): Takeover[] {
  const writes = inOrder(requests).filter(
    ({ verb, name }) => (verb === 'update' || verb === 'create') && name === lease,
  );
  const takeovers: Takeover[] = [];
  let last: AuditedRequest | undefined;
  for (const write of writes.filter(({ status }) => status < 300)) {
    if (last && last.tokenId !== write.tokenId) {
      const sinceLastWriteMs = Math.max(write.answeredTime - last.answeredTime, 0);
      takeovers.push({ sinceLastWriteMs, attempts: attempts(writes, last, write) });
    }
    last = write;
  }
  return takeovers;
}

/** The requests of one candidate, up to the end of the window; each counts when it came in. */
export function requestsAround(
  requests: readonly AuditedRequest[],
  { startTime, endTime }: Pick<Window, 'startTime' | 'endTime'>,
  isOwn: (request: AuditedRequest) => boolean,
): { before: AuditedRequest[]; within: AuditedRequest[] } {
  const own = requests.filter((one) => isOwn(one) && one.receivedTime <= endTime);
  const { before = [], within = [] } = Object.groupBy(own, ({ receivedTime }) =>
    receivedTime < startTime ? 'before' : 'within',
  );
  return { before, within };
}

/** A watch may tell of a write before that is answered, and the next be answered first. */
function inOrder(requests: readonly AuditedRequest[]): AuditedRequest[] {
  return requests.toSorted((a, b) => a.receivedTime - b.receivedTime);
}

function attempts(
  writes: readonly AuditedRequest[],
  last: AuditedRequest,
  taken: AuditedRequest,
): number {
  const untilTime = taken.answeredTime + ECHO_MS;
  return writes.filter(
    ({ tokenId, receivedTime }) =>
      tokenId !== last.tokenId && receivedTime >= last.receivedTime && receivedTime <= untilTime,
  ).length;
}
