import { BadArgument, oneOf, parse, wholeNumber } from '../world/arguments.ts';
import { type Mode, modes } from './mode.ts';

const MAX_SEED = 2 ** 32 - 1;

/** What the command was told. Throws a BadArgument. */
export function readArguments(args: readonly string[], fresh: number) {
  const { seed, minutes, schedules, workers, mode, transcript, first, kept, verbose } = parse(
    args,
    {
      seed: { type: 'string' },
      schedules: { type: 'string' },
      minutes: { type: 'string' },
      mode: { type: 'string' },
      transcript: { type: 'string' },
      workers: { type: 'string' },
      first: { type: 'boolean', default: false },
      kept: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
    },
  );
  const known = oneOf('mode', mode, modes);
  const count = wholeNumber('schedules', schedules);
  if (transcript !== undefined && (count !== 1 || !known)) {
    throw new BadArgument('--transcript is of one schedule: it needs --mode and --schedules 1');
  }
  const time = minutes === undefined ? undefined : Number(minutes);
  if (time !== undefined && !(time > 0 && Number.isFinite(time))) {
    throw new BadArgument(`--minutes must be a number above 0, but is ${String(minutes)}`);
  }
  return {
    seed: wholeNumber('seed', seed, 0, MAX_SEED) ?? fresh,
    isSeedGiven: seed !== undefined,
    modes: known ? [known] : (modes as readonly Mode[]),
    schedules: count,
    minutes: count === undefined ? (time ?? 1) : time,
    transcript,
    first,
    kept,
    verbose,
    workers: wholeNumber('workers', workers, 1, 1_024),
  };
}

export type Arguments = ReturnType<typeof readArguments>;
