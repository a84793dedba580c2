import { setTimeout as sleep } from 'node:timers/promises';

import { Crew, type Entry, type Program, programs } from './lease/crew.ts';
import { megabytes, ms } from './report.ts';
import { type Bench, type Situation, Window } from './situation.ts';
import { requestsAround } from './takeovers.ts';
import { until } from './until.ts';
import { usageOf } from './usage.ts';

const WINDOW_MS = 30_000;

/** A process with many electors, each of which leads with a Lease of its own. */
export interface Many {
  readonly program: string;
  readonly electors: number;
  /** Until the last one leads. */
  readonly startMs: number;
  readonly windowMs: number;
  readonly requests: number;
  readonly cpuMs: number;
  /** How often one lost its Lease from the start to the end of the window. */
  readonly lost: number;
  /** From SIGTERM until all are released. */
  readonly endMs: number;
  readonly residentBytes: number;
  /** Of a process without electors. */
  readonly residentBytesWithout: number;
}

/** One program after the other: each has the machine for itself. */
export const many: Situation<Bench, readonly Many[]> = {
  async measure(bench) {
    const all: Many[] = [];
    for (const program of await programs(bench)) {
      bench.progress(`${bench.electors} electors in a process: ${program.name}`);
      all.push(await measureProgram(bench, program));
    }
    return all;
  },

  report: (all) => ({
    title: 'Many electors in one process, each leading with a Lease of its own',
    notes: [
      `Requests and CPU: of ${((all[0]?.windowMs ?? NaN) / 1_000).toFixed(0)} s after all led.`,
      'Memory: all that is resident, and per elector what is more than without any.',
    ],
    table: [
      [
        ...['electors', '', 'all lead after', 'requests per s', 'of one core', 'memory'],
        ...['per elector', 'lost', 'all released after'],
      ],
      ...all.map(({ electors, windowMs, residentBytes, ...one }) => [
        `${electors}`,
        one.program,
        ms(one.startMs),
        ((one.requests * 1_000) / windowMs).toFixed(0),
        `${((one.cpuMs * 100) / windowMs).toFixed(0)} %`,
        megabytes(residentBytes),
        `${((residentBytes - one.residentBytesWithout) / electors / 1_024).toFixed(0)} kB`,
        `${one.lost}`,
        ms(one.endMs),
      ]),
    ],
  }),
};

async function measureProgram(bench: Bench, program: Program): Promise<Many> {
  const { cluster, electors } = bench;
  const crew = await Crew.open(cluster, program);
  const without = await crew.start({ electors: 0 });
  await until('it has loaded everything', () => crew.entries[0]);
  const { residentBytes: residentBytesWithout } = usageOf(without.pid);
  await without.end('SIGKILL');

  const before = crew.entries.length;
  const entries = () => crew.entries.slice(before);
  const count = (event: Entry['event']) => entries().filter((one) => one.event === event).length;
  const process = await crew.start({ electors, ownLeases: true });
  await until(`all ${electors} lead`, () => count('leading') >= electors || undefined);
  const atStart = usageOf(process.pid);
  const window = new Window(Date.now());
  await sleep(WINDOW_MS);
  const { cpuMs, residentBytes } = usageOf(process.pid);
  window.endTime = Date.now();
  const lost = count('stopped');
  await process.end('SIGTERM');
  return {
    program: program.name,
    electors,
    startMs: spanMs(entries(), 'start', 'leading'),
    windowMs: window.lengthMs,
    requests: requestsAround(crew.requests(), window, () => true).within.length,
    cpuMs: cpuMs - atStart.cpuMs,
    lost,
    endMs: spanMs(entries(), 'sigterm', 'exit'),
    residentBytes,
    residentBytesWithout,
  };
}

/** From the first of one kind to the last of another. */
export function spanMs(
  entries: readonly Entry[],
  from: Entry['event'],
  to: Entry['event'],
): number {
  const first = entries.find(({ event }) => event === from);
  const last = entries.findLast(({ event }) => event === to);
  return (last?.atMs ?? NaN) - (first?.atMs ?? NaN);
}
