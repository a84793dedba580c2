import type { Cluster } from '../../cluster/state.ts';
import { type Goal, atMost } from '../goal.ts';
import { type Report, ms } from '../report.ts';
import { maximum, median, minimum } from '../statistics.ts';
import { Crew, anyTime } from './crew.ts';
import { LEASE } from './elector-process.ts';
import { OURS, type Program } from './program.ts';
import { takeoversOf } from './takeover.ts';

const SIZE = { processes: 3, electors: 1 };
const AIM_MS = 50;

/** How long nobody held the Lease after its holder had released it. */
export interface Released {
  readonly program: string;
  /** From the release to the next acquisition, as the API server answered them. */
  readonly handoverMs: readonly number[];
  /** From when the old leader had stopped its work to when the next one began. */
  readonly outageMs: readonly number[];
}

export interface ReleaseOptions {
  readonly handovers: number | undefined;
  readonly onProgress: (message: string) => void;
}

/** Three processes compete for a Lease; the leader gets SIGTERM, and releases it. */
export async function measureRelease(
  cluster: Cluster,
  programs: readonly Program[],
  { handovers = 20, onProgress }: ReleaseOptions,
): Promise<Report> {
  const crews: Crew[] = [];
  for (const program of programs) crews.push(await Crew.gather(cluster, program, SIZE));
  const outages = crews.map((): number[] => []);
  for (let run = 1; run <= handovers; run += 1) {
    await anyTime(crews);
    // Taking turns, so that what else goes on in the machine meets everybody.
    for (const [index, crew] of crews.entries()) {
      onProgress(`handover after release: ${crew.program.name}, ${run} of ${handovers}`);
      const { stoppedMs, leadingMs } = await crew.succeed('SIGTERM');
      if (stoppedMs !== undefined) outages[index]?.push(leadingMs - stoppedMs);
      await crew.replace();
    }
  }
  await Promise.all(crews.map((crew) => crew.end()));
  return releaseReport(
    crews.map(({ program, arena }, index) => ({
      program: program.name,
      handoverMs: takeoversOf(arena.requests(), LEASE).map(
        ({ sinceLastWriteMs }) => sinceLastWriteMs,
      ),
      outageMs: outages[index] ?? [],
    })),
  );
}

export function releaseReport(all: readonly Released[]): Report {
  const samples = all.map(({ program, handoverMs }) => ({ name: program, valuesMs: handoverMs }));
  return {
    title: 'Handover after a release: three processes, of which the leader’s gets SIGTERM',
    notes: [
      'Handover: from the release of the Lease to its acquisition, as the API server’s audit log has',
      'them. Outage: from the end of the old leader’s work to the beginning of the next one’s.',
    ],
    table: [
      ['', 'runs', ...columns('handover'), ...columns('outage')],
      ...all.map(({ program, handoverMs, outageMs }) => [
        program,
        `${handoverMs.length}`,
        ...spanOf(handoverMs),
        ...spanOf(outageMs),
      ]),
    ],
    data: all,
    goals: goalsOf(all),
    plot: {
      title: 'How long nobody holds a Lease',
      panels: [{ title: 'Three candidates: the Lease is released → acquired', samples }],
    },
  };
}

function goalsOf(all: readonly Released[]): Goal[] {
  const ours = all.find(({ program }) => program === OURS);
  return atMost('median handover after a release', median(ours?.handoverMs ?? []), AIM_MS, ms);
}

export function columns(what: string): string[] {
  return [`${what}: min`, 'median', 'max'];
}

export function spanOf(values: readonly number[]): string[] {
  return [minimum(values), median(values), maximum(values)].map(ms);
}
