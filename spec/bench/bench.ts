/**
 * `npm run bench [-- handover|requests|import|size ...]` measures in this process and prints;
 * `npm run bench -- --cluster [handover|requests|call|herd ...]` does so on a real Kubernetes,
 * beside operator-lib. It writes nothing but the files that are asked for, and never fails for
 * being slow: the machine decides about that.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { CLUSTER_PARTS, ClusterBench } from './cluster-bench.ts';
import { type Goal, goalReport } from './goal.ts';
import { type HandoverOptions, measureHandover } from './handover.ts';
import { InProcessTarget } from './in-process-target.ts';
import { type Machine, describeMachine, heading } from './machine.ts';
import type { Plot } from './plot.ts';
import { type Report, format } from './report.ts';
import { measureRequests } from './requests.ts';
import { measureSize } from './size.ts';
import { measureStartup } from './startup.ts';

const PARTS: Readonly<Record<string, (options: HandoverOptions) => Promise<Report>>> = {
  handover: onInProcessTarget,
  requests: measureRequests,
  import: measureStartup,
  size: measureSize,
};

interface Command extends HandoverOptions {
  readonly parts: readonly string[];
  readonly onCluster: boolean;
  readonly windowMs: number;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

try {
  await run(parse());
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function run(command: Command): Promise<void> {
  if (!command.onCluster) {
    const reports = inProcess(command);
    return print(reports, command, {});
  }
  const bench = await ClusterBench.start(command);
  try {
    await print(bench.run(), command, bench.versions);
  } finally {
    await bench.close();
  }
}

async function* inProcess(command: Command): AsyncGenerator<[string, Report]> {
  for (const part of command.parts) {
    const report = await PARTS[part]?.(command);
    if (report) yield [part, report];
  }
}

async function print(
  reports: AsyncIterable<[string, Report]>,
  { onProgress, json, svg }: Command,
  versions: Readonly<Record<string, string>>,
): Promise<void> {
  const machine = describeMachine(versions);
  console.log(heading(machine));
  const data: Record<string, unknown> = { machine };
  const goals: Goal[] = [];
  for await (const [part, report] of reports) {
    onProgress('');
    console.log(`\n${format(report)}`);
    if (svg !== undefined && report.plot) await draw(report.plot, machine, svg);
    data[part] = report.data;
    goals.push(...(report.goals ?? []));
  }
  if (goals.length > 0) console.log(`\n${format(goalReport(goals))}`);
  data['goals'] = goals;
  if (json !== undefined) await writeFile(json, `${JSON.stringify(data, toMicroseconds, 2)}\n`);
}

/** No clock here says more. */
function toMicroseconds(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value;
}

async function draw(plot: Omit<Plot, 'caption'>, machine: Machine, path: string): Promise<void> {
  // It takes a while to load, and few need it.
  const { toSvg } = await import('./plot.ts');
  await writeFile(path, toSvg({ ...plot, caption: heading(machine).split('\n') }));
}

/** Throws a TypeError for a command line that makes no sense. */
function parse(): Command {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      cluster: { type: 'boolean', default: false },
      candidates: { type: 'string', default: '3,100,1000' },
      handovers: { type: 'string' },
      minutes: { type: 'string', default: '5' },
      json: { type: 'string' },
      svg: { type: 'string' },
    },
  });
  const known = values.cluster ? CLUSTER_PARTS : Object.keys(PARTS);
  const unknown = positionals.filter((part) => !known.includes(part));
  if (unknown.length > 0) throw new TypeError(`${unknown.join()} is none of ${known.join(', ')}`);
  const parts = positionals.length > 0 ? positionals : known;
  if (values.svg !== undefined && !(values.cluster && parts.includes('handover'))) {
    throw new TypeError('--svg shows the part handover of --cluster, which is not measured');
  }
  return {
    parts,
    onCluster: values.cluster,
    json: values.json,
    svg: values.svg,
    // One leads, and somebody has to take over.
    sizes: values.candidates.split(',').map((size) => count(size, 2)),
    handovers: values.handovers === undefined ? undefined : count(values.handovers, 1),
    windowMs: count(values.minutes, 1) * 60_000,
    onProgress(message) {
      // Only for who looks on.
      if (process.stderr.isTTY) process.stderr.write(`\x1b[2K${message}\r`);
    },
  };
}

async function onInProcessTarget(options: HandoverOptions): Promise<Report> {
  const target = new InProcessTarget();
  try {
    return await measureHandover(target, options);
  } finally {
    await target.close();
  }
}

function count(text: string, least: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least) {
    throw new TypeError(`a whole number was expected, ${least} or more, not ${text}`);
  }
  return number;
}
