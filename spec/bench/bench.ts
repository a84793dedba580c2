/**
 * `npm run bench [-- handover|requests|import|size ...]` measures in this process and prints;
 * `npm run bench -- --cluster [handover|requests|call|herd ...]` does so on a real Kubernetes,
 * beside operator-lib; `npm run bench -- --lease [release|crash|...]` measures lease mode there,
 * beside client-go. It writes nothing but the files that are asked for, and never fails for
 * being slow: the machine decides about that.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { CLUSTER_PARTS, ClusterBench } from './cluster-bench.ts';
import { type Goal, goalReport } from './goal.ts';
import { type HandoverOptions, measureHandover } from './handover.ts';
import { InProcessTarget } from './in-process-target.ts';
import { DRAWN_LEASE_PARTS, LEASE_PARTS, LeaseBench } from './lease/lease-bench.ts';
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

/** What is measured, and where. */
type Mode = 'in-process' | 'cluster' | 'lease';

/** What each mode can measure. */
const PARTS_OF: Readonly<Record<Mode, readonly string[]>> = {
  'in-process': Object.keys(PARTS),
  cluster: CLUSTER_PARTS,
  lease: LEASE_PARTS,
};

/** What of that can be drawn. */
const DRAWN: Readonly<Record<Mode, readonly string[]>> = {
  'in-process': [],
  cluster: ['handover'],
  lease: DRAWN_LEASE_PARTS,
};

interface Command extends HandoverOptions {
  readonly parts: readonly string[];
  readonly mode: Mode;
  readonly electors: number;
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
  if (command.mode === 'in-process') {
    const reports = inProcess(command);
    return print(reports, command, {});
  }
  const bench = await (command.mode === 'cluster' ? ClusterBench : LeaseBench).start(command);
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
  const plots: Omit<Plot, 'caption'>[] = [];
  for await (const [part, report] of reports) {
    onProgress('');
    console.log(`\n${format(report)}`);
    if (report.plot) plots.push(report.plot);
    data[part] = report.data;
    goals.push(...(report.goals ?? []));
  }
  if (goals.length > 0) console.log(`\n${format(goalReport(goals))}`);
  data['goals'] = goals;
  if (svg !== undefined) await draw(plots, machine, svg);
  if (json !== undefined) await writeFile(json, `${JSON.stringify(data, toMicroseconds, 2)}\n`);
}

/** No clock here says more. */
function toMicroseconds(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value;
}

async function draw(
  plots: readonly Omit<Plot, 'caption'>[],
  machine: Machine,
  path: string,
): Promise<void> {
  // It takes a while to load, and few need it.
  const { toSvg } = await import('./plot.ts');
  const panels = plots.flatMap((plot) => plot.panels);
  const caption = heading(machine).split('\n');
  await writeFile(path, toSvg({ title: plots[0]?.title ?? '', panels, caption }));
}

/** Throws a TypeError for a command line that makes no sense. */
function parse(): Command {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      cluster: { type: 'boolean', default: false },
      lease: { type: 'boolean', default: false },
      candidates: { type: 'string' },
      electors: { type: 'string', default: '1000' },
      handovers: { type: 'string' },
      minutes: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
    },
  });
  const mode = modeOf(values);
  const known = PARTS_OF[mode];
  const unknown = positionals.filter((part) => !known.includes(part));
  if (unknown.length > 0) throw new TypeError(`${unknown.join()} is none of ${known.join(', ')}`);
  const parts = positionals.length > 0 ? positionals : known;
  if (values.svg !== undefined && !parts.some((part) => DRAWN[mode].includes(part))) {
    throw new TypeError(
      '--svg shows the part handover of --cluster, or release, crash and herd of --lease: ' +
        'none of these is measured',
    );
  }
  const { candidates = mode === 'lease' ? '100' : '3,100,1000' } = values;
  const { minutes = mode === 'lease' ? '3' : '5' } = values;
  return {
    parts,
    mode,
    electors: count(values.electors, 1),
    json: values.json,
    svg: values.svg,
    // One leads, and somebody has to take over.
    sizes: candidates.split(',').map((size) => count(size, 2)),
    handovers: values.handovers === undefined ? undefined : count(values.handovers, 1),
    windowMs: count(minutes, 1) * 60_000,
    onProgress(message) {
      // Only for who looks on.
      if (process.stderr.isTTY) process.stderr.write(`\x1b[2K${message}\r`);
    },
  };
}

function modeOf({ cluster, lease }: { cluster: boolean; lease: boolean }): Mode {
  if (cluster && lease) throw new TypeError('--cluster and --lease are two benchmarks');
  return cluster ? 'cluster' : lease ? 'lease' : 'in-process';
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
