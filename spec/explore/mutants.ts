/**
 * `npm run explore -- --mutants`: explores the library with each of the simulator's seeded defects that is
 * about decisions, and with the defects that the model of the campaign can have.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { BadArgument } from '../simulate/arguments.ts';
import { Copies } from '../simulate/mutants/copy.ts';
import { type Mutant, readMutants } from '../simulate/mutants/mutant.ts';
import { blind } from './blind.ts';
import { modes } from './scene.ts';
import { defects, scenes } from './scenes.ts';

/** Far more than any needs, on a machine that is busy with other things. */
const TIMEOUT_MS = 20 * 60_000;

/** Returns whether all were found that should be, and no others. */
export async function playMutants(args: readonly string[]): Promise<boolean> {
  const only = parse(args)?.split(',');
  const isChosen = (name: string) => only === undefined || only.includes(name);
  const explored = modes.filter((mode) => scenes.some((scene) => scene.mode === mode));
  const mutants = readMutants()
    .filter(({ name, files }) => isChosen(name) && isDecision(files))
    .map((mutant) => ({
      ...mutant,
      modes: mutant.modes.filter((mode) => explored.some((each) => each === mode)),
    }))
    .filter((mutant) => mutant.modes.length > 0);
  const modelled = defects.filter(isChosen);
  if (mutants.length + modelled.length === 0) throw new BadArgument('there is no such defect');
  const copies = new Copies();
  let surprises = 0;
  const tell = (name: string, found: string | undefined) => {
    const why = blind[name];
    const isExpected = (found === undefined) === (why !== undefined);
    if (!isExpected) surprises += 1;
    const missed = why === undefined ? 'NOT FOUND' : `not seen: ${why}`;
    const unexpected =
      found !== undefined && why !== undefined ? ' (blind.ts says that it is not)' : '';
    console.log(`${name.padEnd(32)}  ${found === undefined ? missed : `${found}${unexpected}`}`);
  };
  try {
    for (const mutant of mutants) tell(mutant.name, await judge(copies, mutant));
    for (const defect of defects)
      tell(defect, await explore(process.cwd(), 'life', ['--defect', defect]));
  } finally {
    copies.remove();
  }
  console.log(`${mutants.length + modelled.length} defects, ${surprises} surprises`);
  return surprises === 0;
}

/** Whether it changes what the exploration runs. */
function isDecision(files: readonly string[]): boolean {
  return files.some((file) => /^lib\/(protocol\/|kubernetes\/pod\.ts)/.test(file));
}

async function judge(copies: Copies, mutant: Mutant): Promise<string | undefined> {
  const folder = copies.mutated(mutant);
  for (const mode of mutant.modes) {
    const found = await explore(folder, mode, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What was found, and after how many states; undefined if nothing was. */
async function explore(folder: string, mode: string, more: readonly string[]) {
  const command = ['spec/explore/explore.ts', '--first', '--workers', '1', '--mode', mode, ...more];
  const child = spawn(process.execPath, command, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  const last = /^(\d+) states, (\d+) violations, /m.exec(output);
  if (!last) throw new Error(`the exploration did not come to its end:\n${output.slice(-2_000)}`);
  const what = /^VIOLATION of (.*)$/m.exec(output)?.[1];
  return what === undefined ? undefined : `found after ${last[1] ?? ''} states: ${what}`;
}

function parse(args: readonly string[]): string | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { mutants: { type: 'boolean' }, only: { type: 'string' } },
    });
    return values.only;
  } catch (error) {
    throw new BadArgument(error instanceof Error ? error.message : String(error));
  }
}
