import type { Entry } from '../lab/journal.ts';
import { coveredMs, isWithin, union } from '../lab/spans.ts';
import { type Finding, rules } from '../lab/verdict.ts';
import { type Evidence, followingFrom } from './evidence.ts';
import { excusedOf } from './excuses.ts';
import { type Trouble, strikes } from './trouble.ts';
import { unionMembers } from '../public/project.ts';

type Check = (evidence: Evidence, troubles: readonly Trouble[]) => Finding[];

const shared = Object.entries(rules).map(([name, rule]): [string, Check] => {
  return [name, (evidence) => rule(followingFrom(evidence))];
});

/** What is checked of each election, by what it is called. */
export const checks: Readonly<Record<string, Check>> = {
  ...Object.fromEntries(shared),
  'no leaderless time beyond what the faults explain': unexcused,
  'no lock lost or wiped': losses,
  'nobody leads without the lock': unfounded,
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
  return followingFrom(evidence).gaps.map((gap) => {
    const lengthMs = gap.toMs - gap.fromMs;
    const unexcusedMs = lengthMs - coveredMs(excused, gap);
    return { ...gap, unexcusedMs, untroubledMs: lengthMs - coveredMs(troubled, gap) };
  });
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
  const { terms } = followingFrom(evidence);
  return evidence.versions.flatMap(({ holder, seenMs, sinceMs = seenMs }, index) => {
    const before = evidence.versions[index - 1]?.holder ?? '';
    if (before === '' || before === holder) return [];
    return terms
      .filter(({ pod, fromMs, toMs }) => pod === before && fromMs < sinceMs && seenMs < toMs)
      .map(({ pod, toMs }) => ({
        atMs: seenMs,
        text:
          `the lock of ${pod} was ${holder === '' ? 'gone' : `${holder}'s`} ` +
          `while it led, for ${seconds(toMs - seenMs)} more`,
      }));
  });
}

function unfounded(evidence: Evidence): Finding[] {
  const holders = new Set(evidence.versions.map(({ holder }) => holder));
  return followingFrom(evidence)
    .terms.filter(({ pod }) => !holders.has(pod))
    .filter((term) => !evidence.holes.some((hole) => isWithin(term, hole)))
    .map(({ pod, fromMs }) => ({
      atMs: fromMs,
      text: `${pod} led, and the lock was never its own`,
    }));
}

function endings(evidence: Evidence): Finding[] {
  return [...Map.groupBy(evidence.entries, ({ run }) => run).values()].flatMap((own) => {
    const gone = own.find(({ event }) => event === 'gone');
    const uncaught = own.filter(({ event }) => event === 'uncaught');
    const found = uncaught.map(({ atMs, pod, message = '' }) => ({
      atMs,
      text: `${pod} had an uncaught error: ${message}`,
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

function ending({ pod, code, signal, message = '' }: Entry): string {
  return `${pod} ended by ${signal ? `signal ${signal}` : `exit code ${code ?? ''}`}: ${message}`;
}

function strangeErrors(evidence: Evidence, troubles: readonly Trouble[]): Finding[] {
  const errorCodes = unionMembers('lib/errors.ts', 'ErrorCode');
  const isKnown = (code: unknown) => errorCodes.some((known) => known === code);
  return evidence.entries
    .filter(({ event }) => event === 'error')
    .filter((entry) => !isKnown(entry.code) || !isCaused(entry, evidence, troubles))
    .map(({ atMs, pod, code, message = '' }) => ({
      atMs,
      text: `${pod} failed with ${code ?? 'no code'}: ${message}`,
    }));
}

function isCaused(
  { atMs, code, pod }: Entry,
  { election, mode }: Evidence,
  troubles: readonly Trouble[],
): boolean {
  return troubles.some((trouble) => {
    const { codes = [], effects, fromMs, toMs } = trouble;
    // What was done to one candidate is no reason for another to fail.
    if (!strikes(trouble, election, pod)) return false;
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
