// Hands locks over thousands of times in one process, and checks that nothing of it stays behind. See
// `node soak.ts --help`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { down, up } from '../cluster/lifecycle.ts';
import { stopwatch } from '../cluster/progress.ts';
import { Report } from '../matrix/report.ts';
import type { Course, Lap } from './course.ts';
import type { ModeName } from './modes.ts';
import { Space } from './space.ts';
import { checksOf, trend } from './verdict.ts';
import { watch } from './watched.ts';

const HELP = `Usage: node soak.ts [--handovers N] [--mode life|lease]

Hands 21 locks over between three candidates each, in one process, against a real API server on a
cluster of its own; some give up or time out in between. Then all memory, sockets, timers and
listeners have to be what they were, and the process has to end by itself. Exits with 1 otherwise.

--handovers  How many, of all locks together. One lock alone has a fifth of them. [default: 10000]
--mode       [default: both, one after the other, each in a process of its own]
`;

const CLUSTER = 'soak';
const CANDIDATES = ['candidate-a', 'candidate-b', 'candidate-c'];

const { values } = parseArgs({
  options: {
    handovers: { type: 'string', default: '10000' },
    mode: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
} else {
  await main(handoversOf(values.handovers), modesOf(values.mode));
}

async function main(handovers: number, modes: readonly ModeName[]): Promise<void> {
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => interrupted.abort(new Error(name)));
  }
  const report = new Report();
  const progress = stopwatch();
  try {
    const { kubeconfig } = await up({ name: CLUSTER, report: progress });
    for (const mode of modes) {
      interrupted.signal.throwIfAborted();
      const namespace = `soak-${mode}`;
      await using space = await Space.create(kubeconfig, namespace, CANDIDATES);
      const order = { mode, handovers, kubeconfig, namespace, uids: space.uids };
      const started = performance.now();
      const course = await watch(order, (lap) => progress(story(mode, lap)), interrupted.signal);
      const seconds = (performance.now() - started) / 1000;
      for (const [name, check] of Object.entries(checksOf(handovers, course))) {
        await report.test(`${mode}: ${name}`, check);
      }
      tell(mode, course, seconds);
    }
  } catch (error) {
    await report.test('the soak', () => {
      throw error;
    });
  } finally {
    await down({ name: CLUSTER, report: progress });
  }
  mkdirSync('reports', { recursive: true });
  writeFileSync('reports/soak.json', JSON.stringify(report));
  console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed`);
  if (report.numFailedTests > 0) process.exitCode = 1;
}

function tell(mode: ModeName, { laps }: Course, seconds: number): void {
  const last = laps.at(-1);
  if (!last || laps.length < 3) return;
  const { handovers, terms, givenUp, seen } = last;
  const kept = (['objects', 'heap', 'external'] as const).map((measure) => {
    const { low, high } = trend(laps, measure);
    const unit = measure === 'objects' ? 'objects' : `bytes of ${measure} memory`;
    return `${low.toFixed(2)} to ${high.toFixed(2)} ${unit}`;
  });
  console.log(
    `${mode}: ${handovers} handovers in ${seconds.toFixed(0)} s ` +
      `(${terms} terms, ${givenUp} attempts given up, ${seen} states observed); kept of each: ${kept.join(', ')}`,
  );
}

function story(mode: ModeName, { handovers, vitals }: Lap): string {
  const { objects, files, heap, external, resources } = vitals;
  const held = Object.entries(resources).map(([kind, count]) => `${count} ${kind}`);
  return `${mode}: ${handovers} handovers, ${objects} objects, ${files} files, heap ${kilobytes(heap)}, external ${kilobytes(external)}, ${held.join(', ')}`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`;
}

function handoversOf(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 100) {
    throw new Error(`--handovers takes a whole number from 100, not '${text}'`);
  }
  return number;
}

function modesOf(text: string | undefined): readonly ModeName[] {
  if (text === undefined) return ['life', 'lease'];
  if (text === 'life' || text === 'lease') return [text];
  throw new Error(`--mode takes life or lease, not '${text}'`);
}
