// Plays a random schedule of faults over candidates on a real cluster, and checks what they did. See
// `node chaos.ts --help`.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { randomInt } from 'node:crypto';
import { down, up } from '../cluster/lifecycle.ts';
import { withLock } from '../cluster/lock.ts';
import { stopwatch } from '../cluster/progress.ts';
import { Caretaker } from './caretaker.ts';
import { figuresOf, judge } from './report.ts';
import { until } from './insist.ts';
import { handlesLeft, machineLeft, objectsLeft } from './leaks.ts';
import { PodCrew } from './pod-crew.ts';
import { readRecord, writeRecord } from './record.ts';
import { type Outcome, type RunOptions, run } from './run.ts';
import { clearAway, markOf } from './stray.ts';
import type { Mode } from './trouble.ts';

const HELP = `Usage: node chaos.ts --minutes N [--life|--lease] [--seed N] [--json FILE] [--record FILE]
       node chaos.ts --judge FILE

Brings up a cluster of its own, lets candidates compete on it, does to them and to the cluster what a
random schedule says, and checks what came of it. Exits with 1 if anything was not as promised.

--minutes  How long to make trouble. Starting and stopping take about one and a half more.
--life     Only life mode. --lease: only lease mode. [default: both]
--seed     What the schedule follows from. [default: a new one, which is printed]
--json     Where to write the figures, too.
--record   Where to write down all that was seen, for --judge.
--judge    Judges such a record once more, and does nothing else.
`;

const NAME = 'chaos';

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string' },
      life: { type: 'boolean', default: false },
      lease: { type: 'boolean', default: false },
      seed: { type: 'string' },
      json: { type: 'string' },
      record: { type: 'string' },
      judge: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.judge !== undefined) {
    return tell(await readRecord(values.judge), values.json);
  }
  const minutes = numberOf('--minutes', values.minutes);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : numberOf('--seed', values.seed);
  const both = values.life === values.lease;
  const modes: Mode[] = [
    ...(both || values.life ? (['life'] as const) : []),
    ...(both || values.lease ? (['lease'] as const) : []),
  ];
  const report = stopwatch();
  report(`seed ${seed}`);
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      report(`${name}: ending the run`);
      interruption.abort();
    });
  }

  const { json, record } = values;
  // There is one cluster of this name: one run at a time.
  return withLock(markOf(NAME), report, () =>
    perform({ minutes, seed, modes, json, record, signal: interruption.signal, report }),
  );
}

interface Plan extends Pick<RunOptions, 'minutes' | 'seed' | 'modes' | 'signal' | 'report'> {
  readonly json: string | undefined;
  readonly record: string | undefined;
}

/** From an empty machine to an empty machine. */
async function perform({ json, record, ...plan }: Plan): Promise<number> {
  const { signal, report } = plan;
  const leftovers: string[] = [];
  let outcome;
  // Whatever there is of it now was left by a run that nobody could clear up after.
  await clearAway(NAME, report);
  const caretaker = await Caretaker.start(NAME);
  try {
    const node = PodCrew.whyNot() === undefined;
    const cluster = await up({ name: NAME, node, report });
    outcome = await run({
      cluster,
      ...plan,
      mark: markOf(NAME, `${process.pid}`),
    });
    leftovers.push(...outcome.leftovers, ...(await objectsLeft(cluster)));
  } finally {
    await down({ name: NAME, report });
    await caretaker.dismiss();
  }
  leftovers.push(...machineLeft(NAME));
  // Connections that are kept open in case that more is asked end after 5 s.
  await until('the sockets are closed', () => handlesLeft().length === 0).catch(() => {
    leftovers.push(...handlesLeft());
  });
  const whole = { ...outcome, leftovers };
  if (record !== undefined) await writeRecord(record, whole);
  const code = await tell(whole, json);
  return signal.aborted ? 130 : code;
}

/** Judges, and says what came of it. */
async function tell(outcome: Outcome, json: string | undefined): Promise<number> {
  const verdict = judge(outcome);
  const figures = figuresOf(outcome);
  process.stdout.write(`${figures.text}\n${verdict.text}\n`);
  const { passed, failed } = verdict;
  await write('reports/chaos.json', { numPassedTests: passed, numFailedTests: failed });
  if (json !== undefined) await write(json, { ...figures.json, passed, failed });
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed > 0 ? 1 : 0;
}

function numberOf(flag: string, text = ''): number {
  const value = Number(text);
  if (text === '' || !(value >= 0)) throw new Error(`${flag} has to be a number\n\n${HELP}`);
  return value;
}

async function write(file: string, content: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`);
}

process.exitCode = await main(process.argv.slice(2));
