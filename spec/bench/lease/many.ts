import { setTimeout as sleep } from 'node:timers/promises';

import type { Cluster } from '../../cluster/state.ts';
import { type Report, ms } from '../report.ts';
import { LeaseArena } from './arena.ts';
import { megabytes } from './consumption.ts';
import { ElectorProcess } from './elector-process.ts';
import { type Entry, Journal } from './journal.ts';
import type { Program } from './program.ts';
import { type Usage, usageOf } from './usage.ts';

const WINDOW_MS = 30_000;

export interface ManyOptions {
  /** How many electors there are in the process. */
  readonly electors: number;
  readonly onProgress: (message: string) => void;
}

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

/** One after the other: each has the machine for itself. */
export async function measureMany(
  cluster: Cluster,
  programs: readonly Program[],
  options: ManyOptions,
): Promise<Report> {
  const all: Many[] = [];
  for (const program of programs) {
    options.onProgress(`${options.electors} electors in a process: ${program.name}`);
    all.push(await measureProgram(cluster, program, options.electors));
  }
  return manyReport(all);
}

async function measureProgram(cluster: Cluster, program: Program, electors: number): Promise<Many> {
  const arena = await LeaseArena.open(cluster);
  const journal = new Journal();
  const of = { program, arena, journal, ownLeases: true };
  const without = await ElectorProcess.start({ ...of, name: 'without', electors: 0 });
  await journal.until('it has loaded everything', () => journal.entries[0]);
  const { residentBytes: residentBytesWithout } = usageOf(without.pid);
  await without.end('SIGKILL');

  const before = journal.entries.length;
  const process = await ElectorProcess.start({ ...of, name: 'with', electors });
  const entries = () => journal.entries.slice(before);
  let leading = 0;
  let seen = before;
  await journal.until(`all ${electors} lead`, () => {
    for (; seen < journal.entries.length; seen += 1) {
      if (journal.entries[seen]?.event === 'leading') leading += 1;
    }
    return leading >= electors || undefined;
  });
  const startMs = spanMs(entries(), 'start', 'leading');
  const startTime = Date.now();
  const atStart = usageOf(process.pid);
  await sleep(WINDOW_MS);
  const atEnd: Usage = usageOf(process.pid);
  const endTime = Date.now();
  const lost = entries().filter(({ event }) => event === 'stopped').length;
  await process.end('SIGTERM');
  await journal.until('it has ended', () => entries().find(({ event }) => event === 'exit'));
  const requests = arena
    .requests()
    .filter(({ receivedTime }) => receivedTime >= startTime && receivedTime <= endTime);
  return {
    program: program.name,
    electors,
    startMs,
    windowMs: endTime - startTime,
    requests: requests.length,
    cpuMs: atEnd.cpuMs - atStart.cpuMs,
    lost,
    endMs: spanMs(entries(), 'sigterm', 'exit'),
    residentBytes: atEnd.residentBytes,
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

export function manyReport(all: readonly Many[]): Report {
  return {
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
      ...all.map((many) => [
        `${many.electors}`,
        many.program,
        ms(many.startMs),
        ((many.requests * 1_000) / many.windowMs).toFixed(0),
        `${((many.cpuMs * 100) / many.windowMs).toFixed(0)} %`,
        megabytes(many.residentBytes),
        `${((many.residentBytes - many.residentBytesWithout) / many.electors / 1_024).toFixed(0)} kB`,
        `${many.lost}`,
        ms(many.endMs),
      ]),
    ],
    data: all,
  };
}
