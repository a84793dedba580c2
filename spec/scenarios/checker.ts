import type { Creation } from './audit.ts';
import type { Term } from './journal.ts';

/** What the API server wrote down. */
export interface Audit {
  readonly creations: readonly Creation[];
  /** One that is killed while it answers does not write that down. @default true */
  readonly isComplete?: boolean;
}

/** Whatever speaks against the promise that at most one Pod leads, in sentences; none is well. */
export function violations(terms: readonly Term[], audit?: Audit): string[] {
  return [
    ...overlaps(terms),
    ...staleTokens(terms),
    ...(audit ? usurpations(terms, audit.creations) : []),
    ...(audit?.isComplete === false ? [] : unfounded(terms, audit?.creations)),
  ];
}

/** Two Pods whose processes both ran and both said that they lead. */
function overlaps(terms: readonly Term[]): string[] {
  return terms.flatMap((a, index) =>
    terms
      .slice(index + 1)
      .filter((b) => a.uid !== b.uid && a.fromMs <= b.toMs && b.fromMs <= a.toMs)
      .map((b) => {
        const togetherMs = Math.min(a.toMs, b.toMs) - Math.max(a.fromMs, b.fromMs);
        return `${name(a)} and ${name(b)} led at the same time, for ${togetherMs.toFixed(1)} ms`;
      }),
  );
}

/** A later leader whose token a store would refuse. */
function staleTokens(terms: readonly Term[]): string[] {
  const tokens = terms.filter(({ fencingToken }) => fencingToken !== undefined);
  return tokens.slice(1).flatMap((later, index) => {
    const earlier = tokens[index];
    if (!earlier) return [];
    const [before, after] = [token(earlier), token(later)];
    const right = earlier.uid === later.uid ? after >= before : after > before;
    return right
      ? []
      : [`${name(later)} led with the token ${after} after ${name(earlier)} with ${before}`];
  });
}

/** A Pod that got the lock while another Pod said that it leads. */
function usurpations(terms: readonly Term[], creations: readonly Creation[]): string[] {
  return creations.flatMap((creation) => {
    const { podUid, podName, receivedTime, answeredTime } = creation;
    return terms
      .filter(({ uid }) => podUid !== undefined && uid !== podUid)
      .filter(({ fromTime, toTime }) => fromTime < receivedTime && answeredTime < toTime)
      .map((term) => `Pod ${podName ?? ''} (${podUid ?? ''}) got the lock while ${name(term)} led`);
  });
}

/** A Pod that led and for which the API server never created a lock. */
function unfounded(terms: readonly Term[], creations?: readonly Creation[]): string[] {
  return terms
    .filter((term) => creations && !creations.some((creation) => isOf(term, creation)))
    .map((term) => `${name(term)} led without having created the lock`);
}

function isOf(term: Term, { podUid, receivedTime }: Creation): boolean {
  return (podUid === undefined || podUid === term.uid) && receivedTime <= term.fromTime;
}

function token({ fencingToken = '0' }: Term): bigint {
  return BigInt(fencingToken);
}

function name({ pod, uid }: Term): string {
  return `Pod ${pod} (${uid})`;
}
