import type { Cluster } from '../../cluster/state.ts';
import { type Report, ms } from '../report.ts';
import { maximum, median } from '../statistics.ts';
import { Crew, anyTime } from './crew.ts';
import { LEASE_DURATION_MS } from './crash.ts';
import { LEASE } from './elector-process.ts';
import type { Program } from './program.ts';
import { takeoversOf } from './takeover.ts';

/** The leader's process goes, with all its electors: the others compete. */
const PROCESSES = 10;
const RELEASES = 10;
const CRASHES = 5;

export interface HerdOptions {
  /** How many candidates there are. */
  readonly sizes: readonly number[];
  readonly handovers: number | undefined;
  readonly onProgress: (message: string) => void;
}

/** A way of taking over that was seen several times. */
export interface Stampede {
  readonly program: string;
  readonly size: number;
  readonly cause: 'release' | 'crash';
  /** Since the release, or since the stored duration ran out. */
  readonly takenMs: readonly number[];
  /** Writes that were tried, the one that won among them. */
  readonly attempts: readonly number[];
}

/** Many candidates compete for one Lease. */
export async function measureHerd(
  cluster: Cluster,
  programs: readonly Program[],
  options: HerdOptions,
): Promise<Report> {
  const all: Stampede[] = [];
  for (const size of options.sizes)
    all.push(...(await measureSize(cluster, programs, size, options)));
  return herdReport(all);
}

async function measureSize(
  cluster: Cluster,
  programs: readonly Program[],
  size: number,
  { handovers, onProgress }: HerdOptions,
): Promise<Stampede[]> {
  const processes = Math.min(PROCESSES, size);
  const electors = Math.ceil(size / processes);
  const crews: Crew[] = [];
  for (const program of programs) {
    onProgress(`${size} candidates: ${program.name} starts`);
    crews.push(await Crew.gather(cluster, program, { processes, electors }));
  }
  const releases = handovers ?? RELEASES;
  for (let run = 1; run <= releases; run += 1) {
    onProgress(`${size} candidates: release ${run} of ${releases}`);
    await anyTime(crews);
    for (const crew of crews) {
      await crew.succeed('SIGTERM');
      await crew.replace();
    }
  }
  const crashes = Math.min(handovers ?? CRASHES, CRASHES);
  for (let run = 1; run <= crashes; run += 1) {
    onProgress(`${size} candidates: crash ${run} of ${crashes}`);
    await Promise.all(crews.map((crew) => crew.settled()));
    await Promise.all(crews.map((crew) => crew.crash()));
  }
  await Promise.all(crews.map((crew) => crew.end()));
  return crews.flatMap(({ program, arena }) => {
    const takeovers = takeoversOf(arena.requests(), LEASE);
    const of = { program: program.name, size };
    const [released, crashed] = [takeovers.slice(0, releases), takeovers.slice(releases)];
    return [
      { ...of, cause: 'release', ...stampede(released, 0) },
      { ...of, cause: 'crash', ...stampede(crashed, LEASE_DURATION_MS) },
    ] as const;
  });
}

function stampede(
  takeovers: readonly { readonly sinceLastWriteMs: number; readonly attempts: number }[],
  heldMs: number,
): Pick<Stampede, 'takenMs' | 'attempts'> {
  return {
    takenMs: takeovers.map(({ sinceLastWriteMs }) => sinceLastWriteMs - heldMs),
    attempts: takeovers.map(({ attempts }) => attempts),
  };
}

export function herdReport(all: readonly Stampede[]): Report {
  const panels = [...Map.groupBy(all, ({ size, cause }) => titleOf(size, cause))];
  return {
    title: 'Many candidates for one Lease',
    notes: [
      'Taken: from the release, or from when the stored duration had run out since the last renewal,',
      'to the acquisition. Attempts: writes per takeover, the one that won among them. There are ten',
      'processes, of which the leader’s goes: the candidates in the others compete.',
    ],
    table: [
      ['candidates', '', 'after a', 'runs', 'taken: median', 'max', 'attempts: median', 'max'],
      ...all.map(({ program, size, cause, takenMs, attempts }) => [
        `${size}`,
        program,
        cause,
        `${takenMs.length}`,
        ...[median(takenMs), maximum(takenMs)].map(ms),
        ...[median(attempts), maximum(attempts)].map(String),
      ]),
    ],
    data: all,
    plot: {
      title: 'How long nobody holds a Lease',
      panels: panels.map(([title, stampedes]) => ({
        title,
        samples: stampedes.map(({ program, takenMs }) => ({ name: program, valuesMs: takenMs })),
      })),
    },
  };
}

function titleOf(size: number, cause: Stampede['cause']): string {
  const begin = cause === 'release' ? 'the Lease is released' : 'the stored duration has run out';
  return `${size} candidates: ${begin} → acquired`;
}
