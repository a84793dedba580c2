import { setTimeout as sleep } from 'node:timers/promises';

import { type Goal, atMost, megabytes, ms } from '../report.ts';
import type { Situation } from '../situation.ts';
import { usageOf } from '../usage.ts';
import { BARE, OURS, contenders, samplesOf, start } from './contenders.ts';
import { type LightBench, PodHost } from './pod.ts';

/** The peak of the start is over, and each elector has renewed several times. */
const SETTLING_MS = 10_000;
const WINDOW_MS = 20_000;

/** A process with many electors, each of which leads by a Lease of its own. */
interface Thousand {
  readonly program: string;
  readonly electors: number;
  /** From the start of the process until the last one leads. */
  readonly leadingMs: number;
  readonly windowMs: number;
  readonly cpuMs: number;
  readonly residentBytes: number;
  /** Leases that were lost until the end of the window. */
  readonly lost: number;
}

/** One program after the other: each has the machine for itself. */
export const thousand: Situation<LightBench, readonly Thousand[]> = {
  isDrawn: true,
  async measure(bench) {
    const { electors, progress } = bench;
    await using host = await PodHost.open(bench);
    const all: Thousand[] = [];
    for (const [index, contender] of (await contenders()).entries()) {
      progress(`${electors} electors in a process: ${contender.name}`);
      const process = await start(host, contender, 'many', `many-${index}`, electors);
      if (!process) continue;
      const begun = await process.said('exec');
      const last = await (contender === BARE
        ? process.said('many')
        : process.said('leading', electors));
      await sleep(SETTLING_MS);
      const [before, startMs] = [usageOf(process.pid), performance.now()];
      await sleep(WINDOW_MS);
      const [{ cpuMs, residentBytes }, endMs] = [usageOf(process.pid), performance.now()];
      const lost = process.lines.filter(({ event }) => event === 'stopped').length;
      await host.end(process);
      all.push({
        lost,
        program: contender.name,
        electors,
        leadingMs: last.atMs - begun.atMs,
        windowMs: endMs - startMs,
        cpuMs: cpuMs - before.cpuMs,
        residentBytes,
      });
    }
    return all;
  },

  report: (all) => ({
    title: `${all[0]?.electors} electors in one process, each leading by a Lease of its own`,
    table: [
      ['', 'all lead after', 'of one core', 'memory', 'beyond bare Node.js', 'lost'],
      ...all.map(({ program, leadingMs, residentBytes, ...one }) => [
        program,
        ms(leadingMs),
        percent(one.cpuMs / one.windowMs),
        megabytes(residentBytes),
        program === BARE.name ? '' : megabytes(residentBytes - bareBytes(all)),
        `${one.lost}`,
      ]),
    ],
    panels: [
      {
        title: 'Until the last of many electors in a process leads',
        samples: samplesOf(all.filter(({ program }) => program !== BARE.name)),
      },
    ],
    goals: goalsOf(all),
  }),
};

function goalsOf(all: readonly Thousand[]): Goal[] {
  const own = all.find(({ program, electors }) => program === OURS.name && electors === 1_000);
  if (!own) return [];
  const go = all.find(({ program }) => program === 'client-go');
  const beyond = own.residentBytes - bareBytes(all);
  return [
    ...atMost('1000 electors: memory beyond bare Node.js', beyond, 120 * 2 ** 20, megabytes),
    ...atMost('1000 electors: of one core', own.cpuMs / own.windowMs, 0.2, percent),
    ...atMost('1000 electors: all lead after', own.leadingMs, 3_000, ms),
    ...atMost('1000 electors: leases lost', own.lost, go?.lost, String),
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function bareBytes(all: readonly Thousand[]): number {
  return all.find(({ program }) => program === BARE.name)?.residentBytes ?? NaN;
}
