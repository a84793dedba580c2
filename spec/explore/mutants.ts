/**
 * `npm run explore -- --mutants`: explores the library with each of the simulator's seeded defects that is
 * about decisions, and with the defects that the models of what surrounds `step` can have.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Copies } from '../simulate/mutants/copy.ts';
import { type Mutant, mutants } from '../simulate/mutants/mutant.ts';
import { BadArgument, parse } from '../world/arguments.ts';
import { inTurns, outputOf } from '../world/children.ts';
import { blind } from './blind.ts';
import { type Mode, modes } from './scene.ts';
import { defects } from './scenes.ts';

interface Defect {
  readonly name: string;
  readonly modes: readonly Mode[];
  /** Where it is: in the library, of which this makes a copy, or in the model. */
  readonly copy: ((copies: Copies) => string) | undefined;
}

interface Finding {
  readonly states: number;
  readonly promise: string;
}

/** Returns whether all were found that should be, and no others. */
export async function playMutants(args: readonly string[]): Promise<boolean> {
  const options = parse(args, { mutants: { type: 'boolean' }, only: { type: 'string' } });
  const only = options.only?.split(',');
  const chosen = allDefects().filter(({ name }) => only === undefined || only.includes(name));
  if (chosen.length === 0) throw new BadArgument('there is no such defect');
  const copies = new Copies();
  let surprises = 0;
  console.log('| seeded defect | states | broken |\n| --- | ---: | --- |');
  try {
    await inTurns(chosen, async (defect) => {
      const [row, isExpected] = await judge(copies, defect).then(
        (found) => rowOf(defect, found),
        (error: unknown) => [`${defect.name}: ${String(error)}`, false] as const,
      );
      if (!isExpected) surprises += 1;
      console.log(row);
    });
  } finally {
    copies.remove();
  }
  mkdirSync('reports', { recursive: true });
  const report = { numPassedTests: chosen.length - surprises, numFailedTests: surprises };
  writeFileSync('reports/explore-mutants.json', JSON.stringify(report));
  console.log(`${chosen.length} defects, ${surprises} surprises`);
  return surprises === 0;
}

function allDefects(): Defect[] {
  const seeded = mutants
    .filter(isDecision)
    .map((mutant) => ({
      name: mutant.name,
      modes: modes.filter((mode) => mutant.seenIn.includes(mode)),
      copy: (copies: Copies) => copies.mutated(mutant),
    }))
    .filter((mutant) => mutant.modes.length > 0);
  const modelled = Object.entries(defects).map(([name, mode]) => ({
    name,
    modes: [mode],
    copy: undefined,
  }));
  return [...modelled, ...seeded];
}

/** Whether it changes what the exploration runs. */
function isDecision({ edits }: Mutant): boolean {
  return edits.some(({ file }) => /^lib\/(protocol\/|kubernetes\/pod\.ts)/.test(file));
}

function rowOf({ name, copy }: Defect, found: Finding | undefined) {
  const why = copy ? blind[name] : undefined;
  const isExpected = (found === undefined) === (why !== undefined);
  const where = copy ? '' : ', in the model';
  const cells = found
    ? [String(found.states), found.promise + (why === undefined ? '' : ': NOT EXPECTED')]
    : ['', why === undefined ? 'NOT FOUND' : `not found: ${why}`];
  return [`| \`${name}\`${where} | ${cells.join(' | ')} |`, isExpected] as const;
}

async function judge(copies: Copies, { name, modes, copy }: Defect): Promise<Finding | undefined> {
  const folder = copy?.(copies) ?? process.cwd();
  const more = copy ? [] : ['--defect', name];
  let before = 0;
  for (const mode of modes) {
    const { states, promise } = await explore(folder, ['--mode', mode, ...more]);
    if (promise !== undefined) return { states: before + states, promise };
    before += states;
  }
  return undefined;
}

async function explore(folder: string, more: readonly string[]) {
  const command = ['spec/explore/explore.ts', '--first', '--workers', '1', ...more];
  const last = /^(\d+) states, \d+ violations, /m;
  const output = await outputOf(folder, command, last);
  const states = Number(last.exec(output)?.[1]);
  return { states, promise: /^VIOLATION of ([\w-]+): /m.exec(output)?.[1] };
}
