import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type Report, ms } from './report.ts';
import { median } from './statistics.ts';

const RUNS = 15;
const root = join(import.meta.dirname, '../..');

/** What a process says of itself before it ends. */
interface Sample {
  readonly importMs: number;
  readonly becomeMs: number;
  readonly rssBytes: number;
}

const end = `
  console.log(JSON.stringify({ importMs, becomeMs, rssBytes: process.memoryUsage.rss() }));
`;

/** Plain JavaScript, so that nothing is loaded to strip types. */
const PROGRAMS = {
  bare: `const importMs = 0, becomeMs = 0; ${end}`,
  library: `
    const start = performance.now();
    const { become } = await import('leader-for-life');
    const importMs = performance.now() - start;
    await become('lock');
    const becomeMs = performance.now() - start - importMs;
    ${end}`,
} as const;

/** What the library costs a program that runs outside a cluster, where it has nothing to do. */
export async function measureStartup(): Promise<Report> {
  const bare: Sample[] = [];
  const library: Sample[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    bare.push(await sample(PROGRAMS.bare));
    library.push(await sample(PROGRAMS.library));
  }
  const rss = (samples: readonly Sample[]) => median(samples.map(({ rssBytes }) => rssBytes));
  const extra = (rss(library) - rss(bare)) / 2 ** 20;
  return {
    title: `Outside a cluster (medians of ${RUNS} processes)`,
    notes: [],
    table: [
      ['', 'median'],
      ["import('leader-for-life')", ms(median(library.map(({ importMs }) => importMs)))],
      ["await become('lock')", ms(median(library.map(({ becomeMs }) => becomeMs)))],
      ['resident memory, beyond a bare node', `${extra.toFixed(1)} MB`],
      ['resident memory of a bare node', `${(rss(bare) / 2 ** 20).toFixed(1)} MB`],
    ],
    data: { bare, library },
  };
}

async function sample(program: string): Promise<Sample> {
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: root,
    env: outsideCluster(),
  });
  return JSON.parse(stdout) as Sample;
}

/** Ours, without what would make the library believe that it is in a Pod. */
function outsideCluster(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(?:KUBE|POD_)/.test(name));
  return Object.fromEntries(kept);
}
