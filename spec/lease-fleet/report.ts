import type { Kind } from '../lab/journal.ts';
import type { Overlap } from '../lab/verdict.ts';
import { type Caused, type Wipe, isPreventable } from './checker.ts';
import type { Holding } from './lease-history.ts';
import type { LateAct } from './rights.ts';

/** What is found of one fleet. */
export interface Findings {
  readonly fleet: string;
  /** Whose program each identity is. */
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly handovers: readonly Caused[];
  readonly overlaps: readonly Overlap[];
  /** By client-go. */
  readonly wipes: readonly Wipe[];
  /** Of client-go. */
  readonly lateActs: readonly LateAct[];
  readonly history: readonly Holding[];
}

/** The handovers of all fleets by what caused them and in which direction, as a table. */
export function tableOf(findings: readonly Findings[]): string {
  const rows = findings.flatMap(({ fleet, handovers }) => {
    const groups = Map.groupBy(
      handovers,
      (handover) => `${handover.cause}, ${direction(handover)}`,
    );
    return [...groups].sort().map(([group, members]) => {
      return [fleet, group, members.length, ...medianAndLongest(members.map(({ gapMs }) => gapMs))];
    });
  });
  return lines([['fleet', 'handovers', 'count', 'median gap', 'longest gap'], ...rows]);
}

/**
 * What was counted besides, one row for each fleet: overlaps that this library could have prevented,
 * and those of client-go; Leases that client-go wiped; its acts after its Lease had run out; versions
 * of the Lease, and of how many it is known when they were written.
 */
export function countsOf(findings: readonly Findings[]): string {
  const rows = findings.map(({ fleet, handovers, overlaps, wipes, lateActs, history }) => [
    fleet,
    handovers.length,
    overlaps.filter((overlap) => isPreventable(overlap, wipes)).length,
    overlaps.filter((overlap) => !isPreventable(overlap, wipes)).length,
    inMs(Math.max(0, ...overlaps.map(({ togetherMs }) => togetherMs))),
    wipes.length,
    lateActs.length,
    inMs(Math.max(0, ...lateActs.map(({ lateMs }) => lateMs))),
    history.length,
    history.filter(({ writtenMs }) => writtenMs !== undefined).length,
  ]);
  const overlaps = ['overlaps', 'by client-go', 'longest'];
  const late = ['Leases wiped', 'late acts', 'latest'];
  return lines([['fleet', 'handovers', ...overlaps, ...late, 'versions', 'audited'], ...rows]);
}

/** From when a release was asked for to when the next holder asked for the Lease, by who that is. */
export function takeoversOf(findings: readonly Findings[]): string {
  const delays = findings.flatMap(({ history, kinds }) =>
    history.slice(1).flatMap(({ holder, writtenMs }, index) => {
      const before = history[index];
      if (before?.holder !== '' || before.writtenMs === undefined) return [];
      const kind = kinds.get(holder);
      return writtenMs === undefined ? [] : [{ kind, delayMs: writtenMs - before.writtenMs }];
    }),
  );
  const rows = [...Map.groupBy(delays, ({ kind }) => kind)].map(([kind, members]) => [
    kind ?? '',
    members.length,
    ...medianAndLongest(members.map(({ delayMs }) => delayMs)),
  ]);
  return lines([['free Leases taken by', 'count', 'median', 'longest'], ...rows]);
}

export function direction({ from, to }: Caused): string {
  return `${from.kind ?? ''} to ${to.kind ?? ''}`;
}

function medianAndLongest(values: readonly number[]): string[] {
  const sorted = values.toSorted((a, b) => a - b);
  return [sorted[Math.floor(sorted.length / 2)] ?? 0, sorted.at(-1) ?? 0].map(inMs);
}

function inMs(value: number): string {
  return `${value.toFixed(0)} ms`;
}

function lines(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => `${row[column] ?? ''}`.length)),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => `${cell}`.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
