import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { root } from '../public/entry-points.ts';
import type { CandidateOptions } from '../scenarios/manifest.ts';
import type { Scene } from '../scenarios/scene.ts';
import { OURS, openScene, operatorLib } from './life/fleet.ts';
import { median, megabytes, ms, span, spanHead } from './report.ts';
import { type Bench, type Options, type Situation, takeTurns } from './situation.ts';

const CALLS = 10;
const IMPORTS = 15;

interface Calls {
  readonly program: string;
  readonly callMs: readonly number[];
}

/** How long it takes a process to lead when no other candidate wants to. */
export const call: Situation<Bench, readonly Calls[]> = {
  async measure(bench) {
    const loaded = { name: 'NODE_OPTIONS', value: '--import=@kubernetes/client-node' };
    const callers = [
      OURS,
      { name: `${OURS.name}, client-node loaded`, candidate: { env: [loaded] } },
      await operatorLib(bench),
    ].map((program, index) => ({ ...program, index, callMs: [] as number[] }));
    const scene = await openScene(bench.cluster);
    await takeTurns(
      bench,
      'a call that nobody contests',
      CALLS,
      callers,
      async ({ candidate, callMs, index }, run) => {
        callMs.push(await measureCall(scene, `caller-${index}-${run}`, candidate));
      },
    );
    await scene.close();
    return callers.map(({ name, callMs }) => ({ program: name, callMs }));
  },

  report: (all) => ({
    title: 'A call that nobody contests, in a new process',
    notes: [
      'From the call to its result, by the process’s own clock. The first call of a process loads TLS',
      'and HTTP/2 of Node.js, unless the app has done so already.',
    ],
    table: [
      ['', 'runs', ...spanHead()],
      ...all.map(({ program, callMs }) => [program, `${callMs.length}`, ...span(callMs)]),
    ],
  }),
};

async function measureCall(
  scene: Scene,
  pod: string,
  candidate: CandidateOptions,
): Promise<number> {
  await scene.pod(pod, candidate);
  const leading = await scene.said(pod, 'leading');
  const start = await scene.said(pod, 'start');
  await scene.deletePod(pod);
  await scene.gone(leading);
  await scene.until('the lock is gone', async () => !(await scene.lock()));
  return leading.atMs - start.atMs;
}

/** What a process says of itself before it ends. */
interface Sample {
  readonly importMs: number;
  readonly becomeMs: number;
  readonly rssBytes: number;
}

const END = `
  console.log(JSON.stringify({ importMs, becomeMs, rssBytes: process.memoryUsage.rss() }));
`;

/** Plain JavaScript, so that nothing is loaded to strip types. */
const BARE = `const importMs = 0, becomeMs = 0; ${END}`;
const LIBRARY = `
  const start = performance.now();
  const { become } = await import('leader-for-life');
  const importMs = performance.now() - start;
  await become('lock');
  const becomeMs = performance.now() - start - importMs;
  ${END}`;

/** What the library costs a program that runs outside a cluster, where it has nothing to do. */
export const importing: Situation<
  Options,
  { readonly bare: readonly Sample[]; readonly library: readonly Sample[] }
> = {
  async measure() {
    const bare: Sample[] = [];
    const library: Sample[] = [];
    for (let run = 0; run < IMPORTS; run += 1) {
      bare.push(await sample(BARE));
      library.push(await sample(LIBRARY));
    }
    return { bare, library };
  },

  report({ bare, library }) {
    const middle = (samples: readonly Sample[], key: keyof Sample) =>
      median(samples.map((one) => one[key]));
    const bareBytes = middle(bare, 'rssBytes');
    return {
      title: `Outside a cluster (medians of ${library.length} processes)`,
      table: [
        ['', 'median'],
        ["import('leader-for-life')", ms(middle(library, 'importMs'))],
        ["await become('lock')", ms(middle(library, 'becomeMs'))],
        ['resident memory, beyond a bare node', megabytes(middle(library, 'rssBytes') - bareBytes)],
        ['resident memory of a bare node', megabytes(bareBytes)],
      ],
    };
  },
};

async function sample(program: string): Promise<Sample> {
  const args = ['--input-type=module', '--eval', program];
  // Without what would make the library believe that it is in a Pod.
  const kept = Object.entries(process.env).filter(([name]) => !/^(?:KUBE|POD_)/.test(name));
  const options = { cwd: root, env: Object.fromEntries(kept) };
  const { stdout } = await promisify(execFile)(process.execPath, args, options);
  return JSON.parse(stdout) as Sample;
}

/** What `npm publish` would send. */
export const size: Situation<
  Options,
  { readonly size: number; readonly unpackedSize: number; readonly entryCount: number }
> = {
  async measure() {
    const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
    const shell = process.platform === 'win32';
    const { stdout } = await promisify(execFile)('npm', args, { cwd: root, shell });
    const [{ size, unpackedSize, entryCount }] = JSON.parse(stdout);
    return { size, unpackedSize, entryCount };
  },

  report: ({ size, unpackedSize, entryCount }) => ({
    title: 'The package',
    table: [
      ['', 'size'],
      ['packed', kilobytes(size)],
      ['unpacked', kilobytes(unpackedSize)],
      ['files', `${entryCount}`],
    ],
  }),
};

function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`;
}
