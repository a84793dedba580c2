import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Goal, atMost, median, ms, span, spanHead } from '../report.ts';
import { type Situation, takeTurns } from '../situation.ts';
import { usageOf } from '../usage.ts';
import { CACHED, OURS, contenders, samplesOf, start } from './contenders.ts';
import { type LightBench, PodHost } from './pod.ts';

const RUNS = 15;

/** How long one contender took to lead, from the start of its process. */
interface Starts {
  readonly program: string;
  /** Until it has imported what it needs. Go programs do not say. */
  readonly importedMs: readonly number[];
  readonly leadingMs: readonly number[];
  /** CPU time until then, which depends less on what else the machine does. */
  readonly cpuMs: readonly number[];
}

/** How long a new process takes to lead if no other candidate wants to. */
export const starting: Situation<LightBench, readonly Starts[]> = {
  isDrawn: true,
  async measure(bench) {
    await using host = await PodHost.open(bench);
    const cache = await mkdtemp(join(tmpdir(), 'leader-for-life-bench-'));
    const all = [...(await contenders()), CACHED(cache)].map((contender, index) => {
      return { name: contender.name, contender, index, samples: [] as Sample[] };
    });
    const { handovers: runs = RUNS } = bench;
    // The first one fills caches, and does not count.
    await takeTurns(bench, 'start', runs + 1, all, async ({ contender, index, samples }, run) => {
      const process = await start(host, contender, 'life', `lock-${index}-${run}`);
      if (!process) return;
      const [begun, led] = [await process.said('exec'), await process.said(aimOf(contender))];
      const { cpuMs } = usageOf(process.pid);
      const imported = process.lines.find(({ event }) => event === 'imported');
      await host.end(process);
      const since = (line: typeof imported) => (line?.atMs ?? NaN) - begun.atMs;
      if (run > 1) samples.push({ importedMs: since(imported), leadingMs: since(led), cpuMs });
    });
    await rm(cache, { recursive: true });
    return all
      .filter(({ samples }) => samples.length > 0)
      .map(({ name, samples }) => ({
        program: name,
        importedMs: samples.map(({ importedMs }) => importedMs).filter((one) => !Number.isNaN(one)),
        leadingMs: samples.map(({ leadingMs }) => leadingMs),
        cpuMs: samples.map(({ cpuMs }) => cpuMs),
      }));
  },

  report: (all) => ({
    title: 'From the start of a process in a Pod until it leads, uncontested',
    notes: [
      'Imported: the program has loaded what it imports. Bare Node.js does nothing at all; the floor',
      'sends the same requests over a connection of `node:http2`.',
    ],
    table: [
      ['', 'runs', 'imported', 'after that', 'CPU', ...spanHead('leads')],
      ...all.map(({ program, importedMs, leadingMs, cpuMs }) => [
        program,
        `${leadingMs.length}`,
        ...(importedMs.length > 0
          ? [ms(median(importedMs)), ms(afterImport({ importedMs, leadingMs }))]
          : ['', '']),
        ms(median(cpuMs)),
        ...span(leadingMs),
      ]),
    ],
    panels: [
      {
        title: 'From the start of a process until it leads',
        samples: samplesOf(all),
      },
    ],
    goals: goalsOf(all),
  }),
};

interface Sample {
  readonly importedMs: number;
  readonly leadingMs: number;
  readonly cpuMs: number;
}

/** Bare Node.js leads nothing: it says its aim. */
function aimOf({ name }: { readonly name: string }): string {
  return name === 'bare Node.js' ? 'life' : 'leading';
}

function afterImport({ importedMs, leadingMs }: Pick<Starts, 'importedMs' | 'leadingMs'>): number {
  return median(leadingMs.map((leading, run) => leading - (importedMs[run] ?? NaN)));
}

function goalsOf(all: readonly Starts[]): Goal[] {
  return all
    .filter(({ program }) => program === OURS.name)
    .flatMap((ours) => [
      ...atMost('first become of a process, median', median(ours.leadingMs), 90, ms),
      ...atMost('of it after import, median', afterImport(ours), 25, ms),
    ]);
}
