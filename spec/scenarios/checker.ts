import type { Creation } from './audit.ts';
import type { Term } from './journal.ts';

/** Whatever speaks against the promise that at most one Pod leads, in sentences; none is well. */
export function violations(terms: readonly Term[], creations?: readonly Creation[]): string[] {
  const seen = creations ? usurpations(terms, creations) : [];
  return [...overlaps(terms), ...staleTokens(terms), ...seen];
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

/** What the API server saw of the locks, held against what the Pods said. */
function usurpations(terms: readonly Term[], creations: readonly Creation[]): string[] {
  const unfounded = terms
    .filter((term) => !creations.some((creation) => isOf(term, creation)))
    .map((term) => `${name(term)} led without having created the lock`);
  const intrusions = creations.flatMap(({ podUid, podName, receivedTime, answeredTime }) =>
    terms
      .filter(({ uid, fromTime, toTime }) => {
        return (
          podUid !== undefined && uid !== podUid && fromTime < receivedTime && answeredTime < toTime
        );
      })
      .map((term) => `Pod ${podName ?? ''} (${podUid ?? ''}) got the lock while ${name(term)} led`),
  );
  return [...unfounded, ...intrusions];
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
