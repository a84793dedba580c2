import { errorCodes } from '../../lib/errors.ts';
import { overlapsOf } from '../lease-fleet/checker.ts';
import type { Entry } from '../lease-fleet/journal.ts';
import { type Term, deedsOf } from '../lease-fleet/terms.ts';
import { type Mode, type Trouble, excusesMsOf } from './trouble.ts';

/**
 * Candidates act every 20 ms, and an act is what is known of them: who acted may lead for a moment
 * more. What the watchdog lets pass is less than this.
 */
const SAMPLING_MS = 300;

/** Who holds a lock from some time on: one version of its object. */
export interface Version {
  /** Empty for nobody; the identity that the candidate has in the journal. */
  readonly holder: string;
  /** When it was seen, at the earliest: it was stored before. */
  readonly seenMs: number;
  readonly resourceVersion: string;
}

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** All that is known of one election. */
export interface Evidence {
  readonly election: string;
  readonly mode: Mode;
  readonly entries: readonly Entry[];
  readonly versions: readonly Version[];
  /** Times of which not every version of the lock's object was seen. */
  readonly holes: readonly Span[];
  /** From when on somebody has to lead, and until when. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** What speaks against the library, at some time. */
export interface Finding {
  readonly atMs: number;
  readonly text: string;
}

type Check = (evidence: Evidence, troubles: readonly Trouble[]) => Finding[];

/** What is checked of each election, by what it is called. */
export const checks: Readonly<Record<string, Check>> = {
  'no overlaps': overlaps,
  'no leaderless time beyond what the faults explain': unexcused,
  'no lock lost or wiped': losses,
  'nobody leads without the lock': unfounded,
  'fencing tokens grow': staleTokens,
  'candidates end for no reason of their own': endings,
  'every error has a code that the faults explain': strangeErrors,
};

/** A time in which nobody led, and how much of it no trouble explains. */
export interface Gap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly unexcusedMs: number;
  /** How much of it went by while no trouble lasted: so long it took to recover. */
  readonly untroubledMs: number;
}

export function termsOf({ entries }: Evidence): readonly Term[] {
  // The duration is for client-go's only.
  return deedsOf(entries, 0).terms;
}

export function gapsOf(evidence: Evidence, troubles: readonly Trouble[]): Gap[] {
  const led = union(
    termsOf(evidence).map(({ fromMs, toMs }) => ({ fromMs, toMs: toMs + SAMPLING_MS })),
    evidence,
  );
  const excused = union(excusesOf(evidence, troubles), evidence);
  const troubled = union(excusesOf(evidence, troubles, 0), evidence);
  const edges = [evidence.fromMs, ...led.flatMap(({ fromMs, toMs }) => [fromMs, toMs])];
  edges.push(evidence.toMs);
  const gaps: Gap[] = [];
  for (let index = 0; index < edges.length; index += 2) {
    const [fromMs = 0, toMs = 0] = edges.slice(index, index + 2);
    if (toMs <= fromMs) continue;
    const lengthMs = toMs - fromMs;
    const unexcusedMs = lengthMs - coveredMs(excused, fromMs, toMs);
    const untroubledMs = lengthMs - coveredMs(troubled, fromMs, toMs);
    gaps.push({ fromMs, toMs, unexcusedMs, untroubledMs });
  }
  return gaps;
}

export interface Handover {
  readonly from: string;
  readonly to: string;
  readonly gapMs: number;
}

export function handoversOf(evidence: Evidence): Handover[] {
  const terms = termsOf(evidence);
  return terms.slice(1).flatMap((to, index) => {
    const from = terms[index];
    return !from || from.identity === to.identity
      ? []
      : [{ from: from.identity, to: to.identity, gapMs: to.fromMs - from.toMs }];
  });
}

function overlaps(evidence: Evidence): Finding[] {
  return overlapsOf(termsOf(evidence)).map(({ first, second, togetherMs }) => ({
    atMs: Math.max(first.fromMs, second.fromMs),
    text: `${first.identity} and ${second.identity} led together for ${togetherMs.toFixed(1)} ms`,
  }));
}

function unexcused(evidence: Evidence, troubles: readonly Trouble[]): Finding[] {
  return gapsOf(evidence, troubles)
    .filter(({ unexcusedMs }) => unexcusedMs > 0)
    .map(({ fromMs, toMs, unexcusedMs }) => ({
      atMs: fromMs,
      text:
        `nobody led for ${seconds(toMs - fromMs)}, ` +
        `${seconds(unexcusedMs)} longer than what befell the candidates explains`,
    }));
}

/** A lock that is another's, nobody's or gone while its leader goes on. */
function losses(evidence: Evidence): Finding[] {
  const terms = termsOf(evidence);
  return evidence.versions.flatMap(({ holder, seenMs }, index) => {
    const before = evidence.versions[index - 1]?.holder ?? '';
    if (before === '' || before === holder) return [];
    return terms
      .filter(
        ({ identity, fromMs, toMs }) => identity === before && fromMs < seenMs && seenMs < toMs,
      )
      .map(({ identity, toMs }) => ({
        atMs: seenMs,
        text:
          `the lock of ${identity} was ${holder === '' ? 'gone' : `${holder}'s`} ` +
          `while it led, for ${seconds(toMs - seenMs)} more`,
      }));
  });
}

function unfounded(evidence: Evidence): Finding[] {
  const holders = new Set(evidence.versions.map(({ holder }) => holder));
  return termsOf(evidence)
    .filter(({ identity }) => !holders.has(identity))
    .filter((term) => !evidence.holes.some((hole) => isWithin(term, hole)))
    .map(({ identity, fromMs }) => ({
      atMs: fromMs,
      text: `${identity} led, and the lock was never its own`,
    }));
}

function staleTokens(evidence: Evidence): Finding[] {
  const led = evidence.entries.filter(({ event, fencingToken }) => {
    return event === 'leading' && fencingToken !== undefined;
  });
  const begun = led.toSorted((a, b) => a.atMs - b.atMs);
  return begun.slice(1).flatMap((later, index) => {
    const earlier = begun[index];
    const [before, after] = [BigInt(earlier?.fencingToken ?? 0), BigInt(later.fencingToken ?? 0)];
    const isRight = earlier?.identity === later.identity ? after >= before : after > before;
    const text = `${later.identity} led with the token ${after} after one with ${before}`;
    return isRight ? [] : [{ atMs: later.atMs, text }];
  });
}

function endings(evidence: Evidence): Finding[] {
  const byProcess = Map.groupBy(evidence.entries, ({ identity, pid = 0 }) => {
    return `${identity} ${pid}`;
  });
  return [...byProcess.values()].flatMap((own) => {
    const gone = own.find(({ event }) => event === 'gone');
    const uncaught = own.filter(({ event }) => event === 'uncaught');
    const found = uncaught.map(({ atMs, identity, message = '' }) => ({
      atMs,
      text: `${identity} had an uncaught error: ${message}`,
    }));
    return gone && !isExplained(gone, own)
      ? [...found, { atMs: gone.atMs, text: ending(gone) }]
      : found;
  });
}

/** Those that say why in an error are another check's. */
function isExplained(gone: Entry, own: readonly Entry[]): boolean {
  const was = (event: Entry['event']) => own.some((entry) => entry.event === event);
  if (gone.signal) {
    return own.some(({ event, signal }) => event === 'signal' && signal === gone.signal);
  }
  return gone.code === 0 ? was('sigterm') && was('exit') : was('error');
}

function ending({ identity, code, signal, message = '' }: Entry): string {
  return `${identity} ended by ${signal ? `signal ${signal}` : `exit code ${code ?? ''}`}: ${message}`;
}

function strangeErrors(evidence: Evidence, troubles: readonly Trouble[]): Finding[] {
  const isKnown = (code: unknown) => errorCodes.some((known) => known === code);
  return evidence.entries
    .filter(({ event }) => event === 'error')
    .filter((entry) => !isKnown(entry.code) || !isCaused(entry, evidence, troubles))
    .map(({ atMs, identity, code, message = '' }) => ({
      atMs,
      text: `${identity} failed with ${code ?? 'no code'}: ${message}`,
    }));
}

function isCaused(
  { atMs, code, identity }: Entry,
  { election, mode }: Evidence,
  troubles: readonly Trouble[],
): boolean {
  return troubles.some((trouble) => {
    const { codes = [], elections, candidate = identity, fromMs, toMs } = trouble;
    // What was done to one candidate is no reason for another to fail.
    if (elections?.includes(election) === false || candidate !== identity) return false;
    const afterMs = trouble.excuses?.[mode] ?? 0;
    return fromMs <= atMs && atMs <= toMs + afterMs && codes.some((known) => known === code);
  });
}

/** How much of the run is such that, had nobody led then, the faults would explain it. */
export function excusedMsOf(evidence: Evidence, troubles: readonly Trouble[]): number {
  const { fromMs, toMs } = evidence;
  return coveredMs(union(excusesOf(evidence, troubles), evidence), fromMs, toMs);
}

function excusesOf(
  { election, mode }: Evidence,
  troubles: readonly Trouble[],
  limitMs = Number.POSITIVE_INFINITY,
): Span[] {
  return troubles.flatMap((trouble) => {
    const afterMs = excusesMsOf(trouble, election, mode);
    if (afterMs === undefined) return [];
    return [{ fromMs: trouble.fromMs, toMs: trouble.toMs + Math.min(afterMs, limitMs) }];
  });
}

/** The same times without overlaps, within bounds. */
function union(spans: readonly Span[], { fromMs, toMs }: Span): Span[] {
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const [from, to] = [Math.max(span.fromMs, fromMs), Math.min(span.toMs, toMs)];
    if (to < from) continue;
    const last = merged.at(-1);
    if (last && from <= last.toMs) last.toMs = Math.max(last.toMs, to);
    else merged.push({ fromMs: from, toMs: to });
  }
  return merged;
}

function isWithin(inner: Span, outer: Span): boolean {
  return outer.fromMs <= inner.fromMs && inner.toMs <= outer.toMs;
}

function coveredMs(spans: readonly Span[], fromMs: number, toMs: number): number {
  return spans.reduce(
    (sum, span) => sum + Math.max(0, Math.min(span.toMs, toMs) - Math.max(span.fromMs, fromMs)),
    0,
  );
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`;
}
