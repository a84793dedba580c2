import type { AuditedRequest } from '../audit-log.ts';

/** For how long after a takeover those who lost the race may still be heard of. */
const ECHO_MS = 1_000;

/** A change of a Lease's holder, as the API server answered. All times are in milliseconds. */
export interface Takeover {
  /** From the last write of the process that held it, a renewal or the release. */
  readonly sinceLastWriteMs: number;
  /** How many writes others tried, the one that won among them. */
  readonly attempts: number;
}

/** All takeovers of a Lease, in the order of time. Who writes is told by the token. */
export function takeoversOf(requests: readonly AuditedRequest[], lease: string): Takeover[] {
  const writes = requests
    .filter(({ verb, name }) => (verb === 'update' || verb === 'create') && name === lease)
    // A watch may tell of a write before that is answered, and the next be answered first.
    .sort((a, b) => a.receivedTime - b.receivedTime);
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
