import { errorCodes } from '../../lib/errors.ts';
import { overlapsOf } from '../lease-fleet/checker.ts';
import type { Entry } from '../lease-fleet/journal.ts';
import { type Evidence, leaderlessOf, termsOf } from './evidence.ts';
import { excusedOf } from './excuses.ts';
import { coveredMs, isWithin, union } from './spans.ts';
import { type Trouble, strikes } from './trouble.ts';

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

export function gapsOf(evidence: Evidence, troubles: readonly Trouble[]): Gap[] {
  const excused = excusedOf(evidence, troubles);
  const felt = troubles.filter(({ elections, effects }) => {
    return effects?.[evidence.mode] && elections?.includes(evidence.election) !== false;
  });
  const troubled = union(felt, evidence);
  return leaderlessOf(evidence).map((gap) => {
    const lengthMs = gap.toMs - gap.fromMs;
    const unexcusedMs = lengthMs - coveredMs(excused, gap);
    return { ...gap, unexcusedMs, untroubledMs: lengthMs - coveredMs(troubled, gap) };
  });
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
  return evidence.versions.flatMap(({ holder, seenMs, sinceMs = seenMs }, index) => {
    const before = evidence.versions[index - 1]?.holder ?? '';
    if (before === '' || before === holder) return [];
    return terms
      .filter(
        ({ identity, fromMs, toMs }) => identity === before && fromMs < sinceMs && seenMs < toMs,
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
    const { codes = [], effects, fromMs, toMs } = trouble;
    // What was done to one candidate is no reason for another to fail.
    if (!strikes(trouble, election, identity)) return false;
    const afterMs = effects?.[mode]?.recoveryMs ?? 0;
    return fromMs <= atMs && atMs <= toMs + afterMs && codes.some((known) => known === code);
  });
}

/** How much of the run is such that, had nobody led then, the faults would explain it. */
export function excusedMsOf(evidence: Evidence, troubles: readonly Trouble[]): number {
  return coveredMs(excusedOf(evidence, troubles), evidence);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`;
}
