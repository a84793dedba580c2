import { inspect } from 'node:util';
import { stamp } from '../lab/story.ts';
import { handoversOf } from '../lab/verdict.ts';
import { checks, excusedMsOf, gapsOf } from './checker.ts';
import { followingFrom } from './evidence.ts';
import type { Outcome } from './run.ts';
import { timelineOf } from './story.ts';

const MOST_SHOWN = 5;

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  /** A line for each check, and what there is to say of those that failed. */
  readonly text: string;
}

/** Runs all checks. */
export function judge({ evidence, troubles, originMs, leftovers, failure }: Outcome): Verdict {
  const lines: string[] = [];
  let [passed, failed] = [0, 0];
  const tell = (name: string, complaints: readonly string[]) => {
    if (complaints.length === 0) passed += 1;
    else failed += 1;
    lines.push(`${complaints.length === 0 ? 'ok      ' : 'FAILED  '}${name}`);
    lines.push(...complaints.slice(0, MOST_SHOWN));
    if (complaints.length > MOST_SHOWN)
      lines.push(`... and ${complaints.length - MOST_SHOWN} more`);
  };
  for (const own of evidence) {
    for (const [name, check] of Object.entries(checks)) {
      const findings = check(own, troubles).map(({ atMs, text }) => {
        const timeline = timelineOf(own.entries, troubles, atMs, originMs);
        return `${stamp(atMs - originMs)} ${text}\n${timeline}\n`;
      });
      tell(`${own.election}: ${name}`, findings);
    }
  }
  tell('after every episode somebody leads again', failure === undefined ? [] : [inspect(failure)]);
  tell('nothing is left behind', leftovers);
  return { passed, failed, text: lines.join('\n') };
}

/** The figures of a run, for people and for programs. */
export function figuresOf(outcome: Outcome): { text: string; json: object } {
  const { seed, evidence, troubles, episodes, leftOut } = outcome;
  const byKind = Map.groupBy(
    troubles,
    ({ kind, isMeant = true }) => `${isMeant ? '' : '*'}${kind}`,
  );
  const faults = Object.fromEntries(
    [...byKind].map(([kind, members]) => [kind, members.length] as const).sort(),
  );
  const elections = Object.fromEntries(
    evidence.map((own) => {
      const { terms } = followingFrom(own);
      const gaps = gapsOf(own, troubles);
      const totalMs = own.toMs - own.fromMs;
      const excusedMs = excusedMsOf(own, troubles);
      const lengths = gaps.map(({ fromMs, toMs }) => toMs - fromMs);
      return [
        own.election,
        {
          seconds: round(totalMs / 1_000),
          judgedSeconds: round((totalMs - excusedMs) / 1_000),
          excusedSeconds: round(excusedMs / 1_000),
          terms: terms.length,
          handovers: handoversOf(terms).length,
          leaderlessSeconds: round(sum(lengths) / 1_000),
          longestGapSeconds: round(Math.max(0, ...lengths) / 1_000),
          slowestRecoverySeconds: round(
            Math.max(0, ...gaps.map(({ untroubledMs }) => untroubledMs)) / 1_000,
          ),
          unexplainedSeconds: round(sum(gaps.map(({ unexcusedMs }) => unexcusedMs)) / 1_000),
          versions: own.versions.length,
          unseenSeconds: round(sum(own.holes.map(({ fromMs, toMs }) => toMs - fromMs)) / 1_000),
        },
      ];
    }),
  );
  const text = [
    `seed ${seed}, ${episodes} episodes`,
    ...Object.entries(elections).flatMap(([election, figures]) => [
      `${election}:`,
      ...Object.entries(figures).map(([name, value]) => `  ${name.padEnd(24)} ${value}`),
    ]),
    'faults (* not of the schedule):',
    ...Object.entries(faults).map(([kind, count]) => `  ${kind.padEnd(40)} ${count}`),
    ...[...leftOut].map(([kind, reason]) => `  ${kind.padEnd(40)} left out: ${reason}`),
  ].join('\n');
  return {
    text,
    json: { seed, episodes, elections, faults, leftOut: Object.fromEntries(leftOut) },
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
