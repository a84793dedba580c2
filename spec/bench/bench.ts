/**
 * `npm run bench [-- handover|requests|import|size ...]` measures in this process and prints;
 * `npm run bench -- --cluster [handover|call|herd|requests ...]` does so on a real Kubernetes,
 * beside operator-lib; `npm run bench -- --lease [release|crash|...]` measures lease mode there,
 * beside client-go; `npm run bench -- --pods [crash|rollout]` what ends a leader's Pod, beside both;
 * `npm run bench -- --light [start|memory|...]` what a process costs (Linux, root),
 * beside Go if that is on the machine. It writes nothing but the files that are asked for, and never fails for
 * being slow: the machine decides about that.
 */
import { writeFile } from 'node:fs/promises';

import { type Command, parse } from './command.ts';
import { closeCluster, hasGo, openCluster, versionsOf } from './bench-cluster.ts';
import { describeMachine, heading } from './machine.ts';
import { toSvg } from './plot.ts';
import { format, goalReport } from './report.ts';
import { type Result, goalsOf, plotOf } from './suites.ts';

try {
  await run(parse(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof TypeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function run(command: Command): Promise<void> {
  const { cluster: needed } = command.suite;
  if (!needed || (needed.isOptional && !hasGo())) return measure(command, {}, undefined);
  try {
    const cluster = await openCluster(needed);
    await measure(command, await versionsOf(cluster, needed), cluster);
  } finally {
    await closeCluster();
  }
}

async function measure(
  { suite, parts, json, svg, ...options }: Command,
  versions: Readonly<Record<string, string>>,
  cluster: unknown,
): Promise<void> {
  const situations = Object.entries(suite.situations).filter(([name]) => parts.includes(name));
  const bench = { ...options, cluster } as never;
  const machine = describeMachine(versions);
  const data: Record<string, unknown> = {};
  console.log(heading(machine));
  for (const [, situation] of situations) await situation.begin?.(bench);
  for (const [name, situation] of situations) {
    data[name] = await situation.measure(bench);
    options.progress('');
    console.log(`\n${format(situation.report(data[name] as never))}`);
  }
  const result: Result = { machine, ...data };
  const goals = goalsOf(suite, result);
  if (goals.length > 0) console.log(`\n${format(goalReport(goals))}`);
  if (svg) await writeFile(svg, toSvg(plotOf(suite, result)));
  if (json) await writeFile(json, `${JSON.stringify({ ...result, goals }, toMicroseconds, 2)}\n`);
}

/** No clock here says more. */
function toMicroseconds(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value;
}
