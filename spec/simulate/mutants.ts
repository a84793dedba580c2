/**
 * `npm run simulate -- --mutants`: who guards the guard. Plays worlds in which the library has a
 * defect that was put there on purpose: the simulator has to find each. See `docs/simulation.md`.
 */
import { BadArgument, oneOf, parse, wholeNumber } from '../world/arguments.ts';
import { inTurns, outputOf } from '../world/children.ts';
import { problemsOf } from './mutants/compiler.ts';
import { Copies, readFile } from './mutants/copy.ts';
import { type Mutant, mutants as all, mutate } from './mutants/mutant.ts';
import { type Mode, modes } from './schedule.ts';

/** For the defects that name no number; each is found several times sooner. */
const SCHEDULES = 2_000;

/** A defect, and where to look for it. */
type Target = Mutant & { readonly schedules: number };

/** Always the same: what is found today is found tomorrow. */
const SEED = 1;

/** Returns whether all were caught. */
export async function playMutants(args: readonly string[]): Promise<boolean> {
  const options = parse(args, {
    mutants: { type: 'boolean' },
    only: { type: 'string' },
    mode: { type: 'string' },
    schedules: { type: 'string' },
  });
  const only = options.only?.split(',');
  const mode = oneOf('mode', options.mode, modes);
  const limit = wholeNumber('schedules', options.schedules);
  const chosen = all
    .filter(({ name }) => only === undefined || only.includes(name))
    .map((mutant) => ({
      ...mutant,
      seenIn: mutant.seenIn.filter((known) => mode === undefined || known === mode),
      schedules: limit ?? mutant.within ?? SCHEDULES,
    }))
    .filter((mutant) => mutant.seenIn.length > 0);
  if (chosen.length === 0) throw new BadArgument('there is no such mutant, or not in that mode');
  const copies = new Copies();
  try {
    if (!(await isSound(copies, chosen))) return false;
    return await hunt(copies, chosen);
  } finally {
    copies.remove();
  }
}

/** Whether the library as it is shows nothing under the same seeds and bounds. */
async function isSound(copies: Copies, mutants: readonly Target[]): Promise<boolean> {
  const folder = copies.plain('unmodified');
  const needed = modes.map((mode) => {
    const bounds = mutants.filter((mutant) => mutant.seenIn.includes(mode));
    return { mode, schedules: Math.max(0, ...bounds.map((mutant) => mutant.schedules)) };
  });
  const verdicts = await inTurns(needed, async ({ mode, schedules }) => {
    if (schedules === 0) return true;
    const found = await simulate(folder, mode, schedules);
    const what = found ? `VIOLATION after ${found.after}: ${found.what}` : 'no violation';
    console.log(`unmodified, ${mode}: ${what} in ${schedules} schedules`);
    return !found;
  });
  return verdicts.every(Boolean);
}

async function hunt(copies: Copies, mutants: readonly Target[]): Promise<boolean> {
  const problems = compile(mutants);
  const width = Math.max(...mutants.map(({ name }) => name.length));
  const verdicts = await inTurns(mutants, async (mutant) => {
    const [isCaught, what] = await judge(copies, problems, mutant).catch(
      (error: unknown) => [false, `FAILED: ${String(error)}`] as const,
    );
    console.log(`${mutant.name.padEnd(width)}  ${what}`);
    return isCaught;
  });
  const caught = verdicts.filter(Boolean).length;
  console.log(`${caught} of ${mutants.length} mutants caught`);
  return caught === mutants.length;
}

/** Why mutants cannot be played, by name. */
function compile(mutants: readonly Target[]): Map<string, string> {
  const problems = new Map<string, string>();
  const changes = mutants.flatMap((mutant) => {
    try {
      const { name } = mutant;
      return [...mutate(mutant, readFile)].map(([file, text]) => ({ name, file, text }));
    } catch (error) {
      problems.set(mutant.name, String(error));
      return [];
    }
  });
  return new Map([...problems, ...problemsOf(changes)]);
}

async function judge(
  copies: Copies,
  problems: ReadonlyMap<string, string>,
  mutant: Target,
): Promise<readonly [isCaught: boolean, what: string]> {
  const problem = problems.get(mutant.name);
  if (problem) throw new Error(problem);
  const folder = copies.mutated(mutant);
  let played = 0;
  for (const mode of mutant.seenIn) {
    const found = await simulate(folder, mode, mutant.schedules);
    if (found) {
      return [true, `caught after ${played + found.after} schedules, ${mode}: ${found.what}`];
    }
    played += mutant.schedules;
  }
  return [false, `SURVIVED ${played} schedules (${mutant.seenIn.join(', ')}): ${mutant.defect}`];
}

/** After how many schedules it found something, and what; undefined if it did not. */
interface Finding {
  readonly after: number;
  readonly what: string;
}

/** One process, and one thread of it that plays: there are as many of them as cores. */
async function simulate(
  folder: string,
  mode: Mode,
  schedules: number,
): Promise<Finding | undefined> {
  const command = [
    'spec/simulate/simulate.ts',
    '--first',
    '--kept',
    '--workers=1',
    `--seed=${SEED}`,
  ];
  const bounds = [`--mode=${mode}`, `--schedules=${schedules}`];
  // What does not come to an end, or breaks the simulator, has not been found by it.
  const last = /^\d+ schedules, \d+ violations, /m;
  const output = await outputOf(folder, [...command, ...bounds], last);
  const found = /^violation in schedule (\d+) \(seed \d+, mode \w+\): (.*)$/m.exec(output);
  return found ? { after: Number(found[1]) + 1, what: found[2] ?? '' } : undefined;
}
