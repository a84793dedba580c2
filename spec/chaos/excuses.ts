import { type Span, union } from '../lab/spans.ts';
import { type Evidence, followingFrom } from './evidence.ts';
import { type Trouble, strikes } from './trouble.ts';

/** A process that is about to be struck may not have come to act for so long. */
const TARDY_MS = 1_000;

/** A trouble as far as one election is concerned. */
interface Burden extends Span {
  readonly trouble: Trouble;
  /** How long after its end a leader may be lost for it; missing where none is. */
  readonly lossMs: number | undefined;
  /** When its aftermath is over, too. */
  readonly wellMs: number;
}

/**
 * The times of which the troubles of an election explain that nobody leads.
 *
 * While somebody leads, these are the times in which this very leader may be lost, for what strikes
 * it: nobody leads for life any less because an API server is away. Once nobody leads, it is for as long as
 * whatever took the leader explains, and whatever then keeps from it those who could lead.
 */
export function excusedOf(evidence: Evidence, troubles: readonly Trouble[]): Span[] {
  const burdens = burdensOf(evidence, troubles);
  const gaps = followingFrom(evidence).gaps.map((gap) => ({
    fromMs: gap.fromMs,
    toMs: Math.min(gap.toMs, excusedUntil(gap, evidence, burdens)),
  }));
  const excused = [...gaps, ...losable(evidence, burdens)];
  return union(
    excused.filter(({ fromMs, toMs }) => fromMs < toMs),
    evidence,
  );
}

function burdensOf({ election, mode }: Evidence, troubles: readonly Trouble[]): Burden[] {
  return troubles.flatMap((trouble) => {
    const effect = trouble.effects?.[mode];
    if (!effect || trouble.elections?.includes(election) === false) return [];
    const { fromMs, toMs } = trouble;
    const { lossMs, recoveryMs } = effect;
    return [{ trouble, fromMs, toMs, lossMs, wellMs: toMs + recoveryMs }];
  });
}

/** When somebody led who may have ceased to by right. */
function losable(evidence: Evidence, burdens: readonly Burden[]): Span[] {
  return followingFrom(evidence).terms.flatMap((term) =>
    burdens.flatMap((burden) => {
      if (!takes(burden, evidence, term.pod)) return [];
      const fromMs = Math.max(term.fromMs, burden.fromMs);
      const toMs = Math.min(term.toMs, burden.toMs + (burden.lossMs ?? 0));
      return fromMs < toMs ? [{ fromMs, toMs }] : [];
    }),
  );
}

function takes({ trouble, lossMs }: Burden, { election }: Evidence, leader: string): boolean {
  return lossMs !== undefined && strikes(trouble, election, leader);
}

/** Until when it is explained that nobody leads; its beginning if it is not at all. */
function excusedUntil(gap: Span, evidence: Evidence, burdens: readonly Burden[]): number {
  const before = followingFrom(evidence).terms.filter(({ toMs }) => toMs < gap.fromMs);
  const leader = before.toSorted((a, b) => a.toMs - b.toMs).at(-1)?.pod ?? '';
  const causes = burdens.filter(
    (burden) =>
      takes(burden, evidence, leader) &&
      burden.fromMs <= gap.fromMs + TARDY_MS &&
      gap.fromMs <= burden.toMs + (burden.lossMs ?? 0) + TARDY_MS,
  );
  let untilMs = Math.max(gap.fromMs, ...causes.map(({ wellMs }) => wellMs));
  if (causes.length === 0) return untilMs;
  const others = burdens.filter(({ wellMs }) => wellMs > gap.fromMs);
  const able = ableDuring(gap, evidence);
  const felt = others.filter((burden) => hinders(burden, gap, evidence.election, others, able));
  // What begins while nobody leads by right counts, too.
  for (const { fromMs, wellMs } of felt.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (fromMs <= untilMs) untilMs = Math.max(untilMs, wellMs);
  }
  return untilMs;
}

/** Who could lead at some time. */
interface Able {
  readonly holders: readonly string[];
  readonly present: readonly string[];
}

function ableDuring(gap: Span, evidence: Evidence): Able {
  return { holders: holdersDuring(gap, evidence), present: presentDuring(gap, evidence) };
}

/**
 * Whether it keeps from leading those who could: all, or whoever holds the lock, or one of those
 * that are there if there is none who is well.
 */
function hinders(
  { trouble }: Burden,
  gap: Span,
  election: string,
  burdens: readonly Burden[],
  { holders, present }: Able,
): boolean {
  if (!trouble.strikes) return true;
  if (holders.some((identity) => strikes(trouble, election, identity))) return true;
  const personal = burdens.filter((burden) => burden.trouble.strikes && burden.fromMs <= gap.toMs);
  return present.every((identity) =>
    personal.some((burden) => strikes(burden.trouble, election, identity)),
  );
}

/** Everybody who holds the lock at some time of it, as far as that was seen. */
function holdersDuring({ fromMs, toMs }: Span, { versions }: Evidence): string[] {
  const first = versions.findLastIndex(({ seenMs }) => seenMs <= fromMs);
  return versions
    .filter(({ seenMs }, index) => index >= first && seenMs <= toMs)
    .map(({ holder }) => holder)
    .filter((holder) => holder !== '');
}

/** Who is there all the time. */
function presentDuring({ fromMs, toMs }: Span, { entries }: Evidence): string[] {
  const came = entries.filter(({ event, atMs }) => event === 'start' && atMs < fromMs);
  const left = new Set(
    entries
      .filter(({ event, atMs }) => (event === 'gone' || event === 'exit') && atMs <= toMs)
      .map(({ pod }) => pod),
  );
  return [...new Set(came.map(({ pod }) => pod))].filter((name) => !left.has(name));
}
