import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** An argument that cannot be meant. */
export class BadArgument extends Error {}

/** Throws a BadArgument for what is not among the options. */
export function parse<T extends ParseArgsOptionsConfig>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new BadArgument(error instanceof Error ? error.message : String(error));
  }
}

export function oneOf<T extends string>(
  name: string,
  text: string | undefined,
  known: readonly T[],
): T | undefined {
  const found = known.find((each) => each === text);
  if (text === undefined || found !== undefined) return found;
  throw new BadArgument(`--${name} must be one of ${known.join(', ')}, but is ${text}`);
}

export function wholeNumber(
  name: string,
  text: string | undefined,
  min = 1,
  max = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new BadArgument(`--${name} must be a whole number from ${min} to ${max}, but is ${text}`);
}

/** Runs a command: its exit code is 1 if it returns false, and 2 for bad arguments. */
export async function runCommand(command: (args: string[]) => Promise<boolean>): Promise<void> {
  try {
    if (!(await command(process.argv.slice(2)))) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof BadArgument)) throw error;
    console.error(error.message);
    process.exitCode = 2;
  }
}
