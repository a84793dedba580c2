/** `npm run explore`: see `docs/exploration.md`. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { oneOf, parse, runCommand, wholeNumber } from '../world/arguments.ts';
import { type Found, type Mode, type Scene, modes } from './scene.ts';
import { defects, scenes } from './scenes.ts';
import type { Task } from './worker.ts';

type Arguments = ReturnType<typeof readArguments>;

type Result = Found & Pick<Scene, 'mode' | 'name'>;

async function main(given: Arguments): Promise<boolean> {
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
  return failed === 0;
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

function readArguments(args: readonly string[]) {
  const { mode, defect, workers, states, deep, first, verbose } = parse(args, {
    mode: { type: 'string' },
    defect: { type: 'string' },
    workers: { type: 'string' },
    states: { type: 'string' },
    deep: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  });
  const known = oneOf('mode', mode, modes);
  return {
    modes: known ? [known] : (modes as readonly Mode[]),
    deep,
    first,
    verbose,
    defect: oneOf('defect', defect, Object.keys(defects)),
    workers: wholeNumber('workers', workers) ?? availableParallelism(),
    maxStates: wholeNumber('states', states) ?? (deep ? 20_000_000 : 2_000_000),
  };
}

await runCommand(async (args) => {
  if (!args.includes('--mutants')) return main(readArguments(args));
  // Not before: it brings the compiler.
  const { playMutants } = await import('./mutants.ts');
  return playMutants(args);
});
