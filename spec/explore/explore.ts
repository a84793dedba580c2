/** `npm run explore`: see `docs/exploration.md`. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { BadArgument } from '../simulate/arguments.ts';
import { type Found, type Mode, type Scene, modes } from './scene.ts';
import { defects, scenes } from './scenes.ts';
import type { Task } from './worker.ts';

interface Arguments {
  readonly modes: readonly Mode[];
  readonly deep: boolean;
  readonly first: boolean;
  readonly verbose: boolean;
  readonly defect: string | undefined;
  readonly workers: number;
  readonly maxStates: number;
}

type Result = Found & Pick<Scene, 'mode' | 'name'>;

async function main(given: Arguments): Promise<void> {
  const startedMs = performance.now();
  const results: Result[] = [];
  await playAll(given, (result) => {
    results.push(result);
    show(result, given.verbose);
    return !(given.first && result.violation);
  });
  const failed = results.filter(({ violation }) => violation).length;
  mkdirSync('reports', { recursive: true });
  const report = { numPassedTests: results.length - failed, numFailedTests: failed };
  writeFileSync('reports/explore.json', JSON.stringify(report));
  for (const mode of given.modes) {
    const played = results.filter((result) => result.mode === mode);
    const deepest = Math.max(0, ...played.map(({ depth }) => depth));
    console.log(`${mode}: ${statesOf(played)} states, the furthest after ${deepest} moves`);
  }
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  console.log(`${statesOf(results)} states, ${failed} violations, ${seconds} s`);
  if (failed > 0) process.exitCode = 1;
}

function statesOf(results: readonly Result[]): number {
  return results.reduce((sum, { states }) => sum + states, 0);
}

/** As many scenes at a time as there are workers, until one is told to be the last. */
async function playAll(given: Arguments, onFound: (result: Result) => boolean): Promise<void> {
  const { defect, maxStates } = given;
  const queue = [...scenes.keys()].filter((index) => isChosen(index, given));
  const work = async () => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url));
    try {
      for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
        const task: Task = { scene: index, maxStates, defect };
        worker.postMessage(task);
        const [found] = (await once(worker, 'message')) as [Found];
        const scene = scenes[index];
        if (scene && !onFound({ ...found, mode: scene.mode, name: scene.name })) queue.length = 0;
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(given.workers, queue.length) }, work));
}

function isChosen(index: number, given: Arguments): boolean {
  const scene = scenes[index];
  if (!scene || !given.modes.includes(scene.mode)) return false;
  return given.deep || !scene.isDeep;
}

function show(result: Result, verbose: boolean): void {
  const { mode, name, states, moves, depth, seconds, complete, violation } = result;
  const end = violation ? `${violation.promise} BROKEN` : complete ? 'all' : 'cut short';
  console.log(
    `${mode}, ${name}: ${states} states (${end}), ${moves} moves, depth ${depth}, ${seconds.toFixed(1)} s`,
  );
  if (verbose)
    for (const [what, times] of result.sights) console.log(`${String(times).padStart(9)}  ${what}`);
  if (!violation) return;
  console.log(`\nVIOLATION of ${violation.promise}: ${violation.text}\n`);
  for (const line of violation.told) console.log(line);
  console.log('');
}

function readArguments(args: readonly string[]): Arguments {
  const { values } = parse(args);
  const { mode, defect, workers, states } = values;
  const known = modes.find((name) => name === mode);
  if (mode !== undefined && !known) {
    throw new BadArgument(`--mode must be one of ${modes.join(', ')}, but is ${mode}`);
  }
  if (defect !== undefined && defects[defect] === undefined) {
    const all = Object.keys(defects).join(', ');
    throw new BadArgument(`--defect must be one of ${all}, but is ${defect}`);
  }
  return {
    modes: known ? [known] : modes,
    deep: values.deep,
    first: values.first,
    verbose: values.verbose,
    defect,
    workers: wholeNumber('workers', workers) ?? availableParallelism(),
    maxStates: wholeNumber('states', states) ?? (values.deep ? 20_000_000 : 2_000_000),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        mode: { type: 'string' },
        defect: { type: 'string' },
        workers: { type: 'string' },
        states: { type: 'string' },
        deep: { type: 'boolean', default: false },
        first: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new BadArgument(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new BadArgument(`--${name} must be a whole number above 0, but is ${text}`);
}

try {
  const args = process.argv.slice(2);
  if (args.includes('--mutants')) {
    // Not before: it brings the compiler.
    const { playMutants } = await import('./mutants.ts');
    if (!(await playMutants(args))) process.exitCode = 1;
  } else await main(readArguments(args));
} catch (error) {
  if (!(error instanceof BadArgument)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
