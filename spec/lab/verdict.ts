import type { History, Term } from './history.ts';

/** What speaks against the library, at some time. */
export interface Finding {
  readonly atMs: number;
  readonly text: string;
}

/** Two that acted in the same time. */
export interface Overlap {
  readonly first: Term;
  readonly second: Term;
  readonly togetherMs: number;
}

/** One after another. */
export interface Handover {
  readonly from: Term;
  readonly to: Term;
  /** How long nobody acted; negative for an overlap. */
  readonly gapMs: number;
}

/** What holds for every election, by what it is called. */
export const rules: Readonly<Record<string, (history: History) => Finding[]>> = {
  'no overlaps': ({ terms }) => overlapsOf(terms).map(tellOverlap),
  'only leaders act': ({ strays }) =>
    strays.map(({ pod, atMs }) => ({ atMs, text: `${pod} acted without leading` })),
  'fencing tokens grow': ({ terms }) => staleTokens(terms),
};

/** What all rules have to say, in sentences; nothing is well. */
export function violations(history: History): string[] {
  return Object.values(rules).flatMap((rule) => rule(history).map(({ text }) => text));
}

export function overlapsOf(terms: readonly Term[]): Overlap[] {
  return terms.flatMap((first, index) =>
    terms
      .slice(index + 1)
      .filter(({ uid }) => uid !== first.uid)
      .filter((second) => second.fromMs <= first.toMs && first.fromMs <= second.toMs)
      .map((second) => ({
        first,
        second,
        togetherMs: Math.min(first.toMs, second.toMs) - Math.max(first.fromMs, second.fromMs),
      })),
  );
}

export function handoversOf(terms: readonly Term[]): Handover[] {
  return terms.slice(1).flatMap((to, index) => {
    const from = terms[index];
    return !from || from.uid === to.uid ? [] : [{ from, to, gapMs: to.fromMs - from.toMs }];
  });
}

/** Pods of one name may have different UIDs. */
export function nameOf({ pod, uid }: Pick<Term, 'pod' | 'uid'>): string {
  return pod === uid ? pod : `${pod} (${uid})`;
}

function tellOverlap({ first, second, togetherMs }: Overlap): Finding {
  const both = `${nameOf(first)} and ${nameOf(second)}`;
  const text = `${both} led together for ${togetherMs.toFixed(1)} ms`;
  return { atMs: Math.max(first.fromMs, second.fromMs), text };
}

/** A later leader whose token a store would refuse. */
function staleTokens(terms: readonly Term[]): Finding[] {
  const told = terms.filter(({ fencingToken }) => fencingToken !== undefined);
  return told.slice(1).flatMap((later, index) => {
    const earlier = told[index] ?? later;
    const [before, after] = [BigInt(earlier.fencingToken ?? 0), BigInt(later.fencingToken ?? 0)];
    if (earlier.uid === later.uid ? after >= before : after > before) return [];
    const text = `${nameOf(later)} led with the token ${after} after ${nameOf(earlier)} with ${before}`;
    return [{ atMs: later.fromMs, text }];
  });
}
