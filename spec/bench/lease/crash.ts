import { setTimeout as sleep } from 'node:timers/promises';

import type { Cluster } from '../../cluster/state.ts';
import { type Goal, atMost } from '../goal.ts';
import { type Report, ms } from '../report.ts';
import { maximum } from '../statistics.ts';
import { type Change, Crew } from './crew.ts';
import { LEASE } from './elector-process.ts';
import { OURS, type Program } from './program.ts';
import { columns, spanOf } from './release.ts';
import { takeoversOf } from './takeover.ts';

/** What both programs store in the Lease. */
export const LEASE_DURATION_MS = 15_000;

const SIZE = { processes: 3, electors: 1 };
/** Each takes as long as a lease lasts: they run at the same time. */
const CREWS = 10;
const AIM_MS = 100;

/** Whoever began to look after the last renewal cannot know when that was: all see one before. */
const WATCHED_MS = 5_000;

/** How long a Lease stayed with a leader that was killed. */
export interface Crashed {
  readonly program: string;
  /** From when the stored duration had run out since the last renewal to the acquisition. */
  readonly beyondMs: readonly number[];
  /** From SIGKILL to the beginning of the next leader's work. */
  readonly outageMs: readonly number[];
}

export interface CrashOptions {
  /** For each program, at least. */
  readonly handovers: number | undefined;
  readonly onProgress: (message: string) => void;
}

/** Three processes compete for each of ten Leases; all ten leaders are killed at once. */
export async function measureCrash(
  cluster: Cluster,
  programs: readonly Program[],
  { handovers = 20, onProgress }: CrashOptions,
): Promise<Report> {
  const crews: Crew[] = [];
  for (let count = 1; count <= Math.min(CREWS, handovers); count += 1) {
    onProgress(`takeover after a crash: crew ${count} of each program starts`);
    for (const program of programs) crews.push(await Crew.gather(cluster, program, SIZE));
  }
  const rounds = Math.ceil(handovers / CREWS);
  const changes = new Map<Crew, Change[]>(crews.map((crew) => [crew, []]));
  for (let round = 1; round <= rounds; round += 1) {
    onProgress(`takeover after a crash: ${round} of ${rounds}, ${LEASE_DURATION_MS / 1_000} s`);
    await Promise.all(crews.map((crew) => crew.settled()));
    await sleep(WATCHED_MS);
    await Promise.all(
      crews.map(async (crew) => {
        changes.get(crew)?.push(await crew.crash());
      }),
    );
  }
  await Promise.all(crews.map((crew) => crew.end()));
  return crashReport(
    programs.map(({ name }) => {
      const own = crews.filter(({ program }) => program.name === name);
      const takeovers = own.flatMap(({ arena }) => takeoversOf(arena.requests(), LEASE));
      const outages = own.flatMap((crew) => changes.get(crew) ?? []);
      return {
        program: name,
        beyondMs: takeovers.map(({ sinceLastWriteMs }) => sinceLastWriteMs - LEASE_DURATION_MS),
        outageMs: outages.map(({ signalMs, leadingMs }) => leadingMs - signalMs),
      };
    }),
  );
}

export function crashReport(all: readonly Crashed[]): Report {
  const samples = all.map(({ program, beyondMs }) => ({ name: program, valuesMs: beyondMs }));
  return {
    title: 'Takeover after a crash: ten Leases, whose leaders are killed at the same time',
    notes: [
      'Beyond: from when the stored duration (15 s) had run out since the last renewal to the',
      'acquisition, as the API server’s audit log has them. Outage: from SIGKILL to the beginning of',
      'the next leader’s work; the last renewal was up to 2 s before.',
    ],
    table: [
      ['', 'runs', ...columns('beyond'), ...columns('outage')],
      ...all.map(({ program, beyondMs, outageMs }) => [
        program,
        `${beyondMs.length}`,
        ...spanOf(beyondMs),
        ...spanOf(outageMs),
      ]),
    ],
    data: all,
    goals: goalsOf(all),
    plot: {
      title: 'How long nobody holds a Lease',
      panels: [{ title: 'Three candidates: the stored duration has run out → acquired', samples }],
    },
  };
}

function goalsOf(all: readonly Crashed[]): Goal[] {
  const ours = all.find(({ program }) => program === OURS);
  const most = maximum(ours?.beyondMs ?? []);
  return atMost('takeover after a crash, longest beyond the stored duration', most, AIM_MS, ms);
}
