import { type Entry, isAct } from '../lab/journal.ts';

/** An act at a time when others may have led by right. */
export interface LateAct {
  readonly pod: string;
  readonly atMs: number;
  /** How long the right to it had been over. */
  readonly lateMs: number;
}

/** A time in which nobody else may lead. */
interface Right {
  readonly fromMs: number;
  toMs: number;
}

/**
 * Sorts out the late acts of client-go, which believes what its last answer told it, however long ago
 * that was: a process that wakes up after its lease has run out acts. No other elector can prevent that. An act is
 * late when the last renewal that succeeded was sent longer ago than the lease's duration, for nobody
 * may take a lease over before that.
 *
 * This library promises more: no act of it is forgiven.
 */
export function sortOut(entries: readonly Entry[], leaseDurationMs: number) {
  const lateActs: LateAct[] = [];
  const rightful = [...Map.groupBy(entries, ({ run }) => run).values()].flatMap((own) => {
    if (own[0]?.kind !== 'client-go') return own;
    const rights = rightsOf(own, leaseDurationMs);
    let last: Right | undefined;
    return own.flatMap((entry): Entry[] => {
      if (!isAct(entry)) return [entry];
      const { pod, atMs } = entry;
      const right = rights.findLast(({ fromMs }) => fromMs <= atMs);
      if (!right || right.toMs < atMs) {
        lateActs.push({ pod, atMs, lateMs: atMs - (right?.toMs ?? 0) });
        return [];
      }
      // Leadership that was won again after it had run out is another term.
      const event = right === last ? entry.event : 'leading';
      last = right;
      return [{ ...entry, event }];
    });
  });
  return { rightful, lateActs };
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
