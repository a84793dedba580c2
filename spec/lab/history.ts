import { type Entry, type Kind, isAct } from './journal.ts';

/** From the first to the last act of a process that led all the time. */
export interface Term {
  readonly pod: string;
  readonly uid: string;
  readonly run: string;
  readonly kind?: Kind;
  readonly fromMs: number;
  readonly toMs: number;
  /** The same, on its wall clock. */
  readonly fromTime: number;
  readonly toTime: number;
  /** Missing for those that have none, as client-go's form and Go's programs. */
  readonly fencingToken?: string;
  /** When it said that it had stopped, or its process ended. `Infinity` until then. */
  readonly endMs: number;
  readonly isOpen: boolean;
}

/** What candidates did, by what they said. */
export interface History {
  /** In the order in which they began. */
  readonly terms: readonly Term[];
  /** Acts of processes that had not said yet that they lead, or had said that they do not any more. */
  readonly strays: readonly Entry[];
}

type Growing = { -readonly [K in keyof Term]: Term[K] };

const ENDS: ReadonlySet<Entry['event']> = new Set(['releasing', 'lost', 'exit', 'gone']);

export function historyOf(entries: readonly Entry[]): History {
  const terms: Growing[] = [];
  const strays: Entry[] = [];
  for (const own of Map.groupBy(entries, ({ run }) => run).values()) {
    let term: Growing | undefined;
    for (const entry of own) {
      if (entry.event === 'leading') terms.push((term = begin(entry)));
      else if (isAct(entry)) {
        if (term?.isOpen) [term.toMs, term.toTime] = [entry.atMs, entry.time ?? Number.NaN];
        else strays.push(entry);
      } else if (ENDS.has(entry.event) && term?.isOpen) {
        [term.endMs, term.isOpen] = [entry.atMs, false];
      }
    }
  }
  return { terms: terms.sort((a, b) => a.fromMs - b.fromMs), strays };
}

export function termsOf(entries: readonly Entry[]): readonly Term[] {
  return historyOf(entries).terms;
}

function begin({ pod, uid, run, kind, atMs, time = Number.NaN, fencingToken }: Entry): Growing {
  return {
    ...{ pod, uid, run, fromMs: atMs, toMs: atMs, fromTime: time, toTime: time },
    ...(kind && { kind }),
    ...(fencingToken !== undefined && { fencingToken }),
    ...{ endMs: Number.POSITIVE_INFINITY, isOpen: true },
  };
}
