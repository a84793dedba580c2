import { parseArgs } from 'node:util';

import type { Options } from './situation.ts';
import { SUITES, type Suite } from './suites.ts';

/** What a command line asks for. */
export interface Command extends Options {
  readonly suite: Suite;
  readonly parts: readonly string[];
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

/** Throws a TypeError for a command line that makes no sense. */
export function parse(args: readonly string[]): Command {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      cluster: { type: 'boolean', default: false },
      lease: { type: 'boolean', default: false },
      light: { type: 'boolean', default: false },
      pods: { type: 'boolean', default: false },
      candidates: { type: 'string' },
      electors: { type: 'string', default: '1000' },
      handovers: { type: 'string' },
      minutes: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
    },
  });
  const [name = 'in-process', other] = (['cluster', 'lease', 'light', 'pods'] as const).filter(
    (one) => values[one],
  );
  if (other) throw new TypeError(`--${name} and --${other} are two benchmarks`);
  const suite: Suite = SUITES[name];
  const known = Object.keys(suite.situations);
  const unknown = positionals.filter((part) => !known.includes(part));
  if (unknown.length > 0) throw new TypeError(`${unknown.join()} is none of ${known.join(', ')}`);
  const parts = positionals.length > 0 ? positionals : known;
  if (values.svg !== undefined && !parts.some((part) => suite.situations[part]?.isDrawn)) {
    throw new TypeError(
      '--svg shows the part handover of --cluster, release, crash and herd of --lease, start and ' +
        'thousand of --light, or --pods: none of these is measured',
    );
  }
  const { candidates = suite.defaults.candidates, minutes = suite.defaults.minutes } = values;
  return {
    suite,
    parts,
    json: values.json,
    svg: values.svg,
    electors: count(values.electors, 1),
    // One leads, and another has to take over.
    sizes: candidates.split(',').map((size) => count(size, 2)),
    handovers: values.handovers === undefined ? undefined : count(values.handovers, 1),
    windowMs: count(minutes, 1) * 60_000,
    progress(message) {
      // Only for people.
      if (process.stderr.isTTY) process.stderr.write(`\x1b[2K${message}\r`);
    },
  };
}

function count(text: string, least: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least) {
    throw new TypeError(`a whole number was expected, ${least} or more, not ${text}`);
  }
  return number;
}
