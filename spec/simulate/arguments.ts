import { parseArgs } from 'node:util';
import { type Mode, modes } from './mode.ts';

/** What the command was told. */
export interface Arguments {
  readonly seed: number;
  readonly isSeedGiven: boolean;
  readonly modes: readonly Mode[];
  readonly schedules: number | undefined;
  readonly minutes: number | undefined;
  readonly transcript: string | undefined;
  readonly first: boolean;
  readonly verbose: boolean;
  readonly workers: number | undefined;
}

/** An argument that cannot be meant. */
export class BadArgument extends Error {}

const MAX_SEED = 2 ** 32 - 1;

/** Throws a BadArgument. */
export function readArguments(args: readonly string[], fresh: number): Arguments {
  const { values } = parse(args);
  const { seed, schedules, minutes, mode, workers } = values;
  const known = modes.find((name) => name === mode);
  if (mode !== undefined && !known) {
    throw new BadArgument(`--mode must be one of ${modes.join(', ')}, but is ${mode}`);
  }
  const count = wholeNumber('schedules', schedules, 1, Number.MAX_SAFE_INTEGER);
  if (values.transcript !== undefined && (count !== 1 || !known)) {
    throw new BadArgument('--transcript is of one schedule: it needs --mode and --schedules 1');
  }
  const time = minutes === undefined ? undefined : Number(minutes);
  if (time !== undefined && !(time > 0 && Number.isFinite(time))) {
    throw new BadArgument(`--minutes must be a number above 0, but is ${String(minutes)}`);
  }
  return {
    seed: wholeNumber('seed', seed, 0, MAX_SEED) ?? fresh,
    isSeedGiven: seed !== undefined,
    modes: known ? [known] : modes,
    schedules: count,
    minutes: count === undefined ? (time ?? 1) : time,
    transcript: values.transcript,
    first: values.first,
    verbose: values.verbose,
    workers: wholeNumber('workers', workers, 1, 1_024),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        schedules: { type: 'string' },
        minutes: { type: 'string' },
        mode: { type: 'string' },
        transcript: { type: 'string' },
        workers: { type: 'string' },
        first: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new BadArgument(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new BadArgument(`--${name} must be a whole number from ${min} to ${max}, but is ${text}`);
}
