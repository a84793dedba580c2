import type { Entry, Kind } from './journal.ts';

/** From the first to the last act of an identity that led all the time. */
export interface Term {
  readonly kind: Kind;
  readonly identity: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** An act at a time when others may have led by right. */
export interface LateAct {
  readonly identity: string;
  readonly atMs: number;
  /** How long the right to it had been over. */
  readonly lateMs: number;
}

/** What all identities did, sorted out. */
export interface Deeds {
  /** In the order in which they began. */
  readonly terms: readonly Term[];
  readonly lateActs: readonly LateAct[];
}

/** A time in which nobody else may lead. */
interface Right {
  readonly fromMs: number;
  toMs: number;
}

/**
 * Sorts out terms and late acts.
 *
 * client-go believes what its last answer told it, however long ago that was: a process that wakes up
 * after its lease has run out acts. No other elector can prevent that, so it is no overlap of theirs:
 * such acts are late, and of no term. An act is late when the last renewal that succeeded was sent
 * longer ago than the lease's duration, for nobody may take a lease over before that.
 *
 * This library promises more: no act of it is forgiven, its terms are what it did.
 */
export function deedsOf(entries: readonly Entry[], leaseDurationMs: number): Deeds {
  const terms: Term[] = [];
  const lateActs: LateAct[] = [];
  for (const [identity, own] of Map.groupBy(entries, (entry) => entry.identity)) {
    const kind = own[0]?.kind ?? 'client-go';
    const rights = kind === 'client-go' ? rightsOf(own, leaseDurationMs) : undefined;
    let term: (Term & { toMs: number }) | undefined;
    let right: Right | undefined;
    for (const { event, atMs } of own) {
      if (event !== 'leading' && event !== 'act') continue;
      const current = rights?.findLast(({ fromMs }) => fromMs <= atMs);
      if (rights && !(current && atMs <= current.toMs)) {
        lateActs.push({ identity, atMs, lateMs: atMs - (current?.toMs ?? 0) });
        continue;
      }
      if (!term || event === 'leading' || current !== right) {
        term = { kind, identity, fromMs: atMs, toMs: atMs };
        terms.push(term);
      }
      term.toMs = atMs;
      right = current;
    }
  }
  return { terms: terms.sort((a, b) => a.fromMs - b.fromMs), lateActs };
}

/** Renewals that follow each other in time make one right. */
function rightsOf(entries: readonly Entry[], leaseDurationMs: number): Right[] {
  const rights: Right[] = [];
  for (const { event, sentMs } of entries) {
    if (event !== 'renewed' || sentMs === undefined) continue;
    const last = rights.at(-1);
    if (last && sentMs <= last.toMs) last.toMs = sentMs + leaseDurationMs;
    else rights.push({ fromMs: sentMs, toMs: sentMs + leaseDurationMs });
  }
  return rights;
}
