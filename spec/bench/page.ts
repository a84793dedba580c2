/** Run by itself, it puts the figures of the results in `docs/benchmark` into `docs/benchmark.md`. */
import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

import type { Goal } from './goal.ts';
import { goalReport } from './goal.ts';
import { type LeaseResult, leaseTables } from './lease/page.ts';
import { type Machine, heading } from './machine.ts';
import { type Table, type Tables, markdown } from './markdown.ts';
import { ms } from './report.ts';
import { maximum, median, minimum } from './statistics.ts';
import { type Succession, successionReport } from './succession.ts';
import type { Handover, Requests } from './target.ts';
import { type Waiting, perHour } from './waiting.ts';

const FOLDER = new URL('../../docs/benchmark/', import.meta.url);
const PAGE = new URL('../../docs/benchmark.md', import.meta.url);
/** What `npm run bench -- --cluster --json` writes. */
export interface ClusterResult {
  readonly machine: Machine;
  readonly handover: readonly Succession[];
  readonly call: readonly { readonly program: string; readonly callMs: readonly number[] }[];
  readonly herd: readonly {
    readonly contender: string;
    readonly size: number;
    readonly handovers: readonly (Handover & Requests)[];
  }[];
  readonly requests: { readonly fleets: readonly Waiting[]; readonly simulatedHour: number };
  readonly goals: readonly Goal[];
}

export function lifeTables(result: ClusterResult): Tables {
  return {
    machine: `${heading(result.machine).replace('\n', ';\n')}.`,
    handover: markdown(successionReport(result.handover).table),
    requests: requests(result.requests),
    call: markdown(calls(result.call)),
    herd: markdown(herd(result.herd)),
    goals: markdown(goalReport(result.goals).table),
  };
}

/** Replaces what is between the marks in the page by what was measured, and leaves the rest. */
export async function fillIn(page: string, tables: Tables): Promise<string> {
  const filled = page.replaceAll(
    /(<!-- measured: ([\w-]+) -->\n).*?(<!-- \/measured -->)/gs,
    (_, begin: string, name: string, end: string) => {
      const table = tables[name];
      if (table === undefined) throw new TypeError(`nothing is measured that is called ${name}`);
      return `${begin}\n${table}\n\n${end}`;
    },
  );
  const style = await resolveConfig(PAGE);
  return format(filled, { ...style, parser: 'markdown' });
}

function requests({ fleets, simulatedHour }: ClusterResult['requests']): string {
  const minutes = ((fleets[0]?.windowMs ?? NaN) / 60_000).toFixed(1);
  const head = ['', 'first minute', `counted in ${minutes} minutes`, 'per hour'];
  const rows = fleets.map((waiting) => [
    waiting.program,
    `${median(waiting.before)}`,
    waiting.within.join(', '),
    perHour(waiting).toFixed(1),
  ]);
  const simulated = ['leader-for-life, simulated: its costliest later hour', '', ''];
  return markdown([head, ...rows, [...simulated, `${simulatedHour}`]]);
}

function calls(all: ClusterResult['call']): Table {
  const row = ({ program, callMs }: ClusterResult['call'][number]) => [
    program,
    `${callMs.length}`,
    ...[minimum(callMs), median(callMs), maximum(callMs)].map(ms),
  ];
  return [['', 'runs', 'min', 'median', 'max'], ...all.map(row)];
}

function herd(all: ClusterResult['herd']): Table {
  const row = ({ contender, size, handovers }: ClusterResult['herd'][number]) => {
    const taken = handovers.map(({ takenMs }) => takenMs);
    const creates = handovers.map((handover) => handover.creates);
    return [
      contender === 'become' ? `${size}` : `${size}, ${contender}`,
      `${handovers.length}`,
      ...[median(taken), maximum(taken)].map(ms),
      ...[median(creates), maximum(creates)].map(String),
    ];
  };
  const head = ['candidates', 'runs', 'median', 'max', 'creates, median', 'creates, max'];
  return [head, ...all.map(row)];
}

/** A stored result, in the style of all that is stored. */
async function result<T>(name: string): Promise<T> {
  const url = new URL(name, FOLDER);
  const json = await readFile(url, 'utf8');
  const style = await resolveConfig(url);
  await writeFile(url, await format(json, { ...style, parser: 'json' }));
  return JSON.parse(json) as T;
}

if (import.meta.main) {
  const tables = {
    ...lifeTables(await result<ClusterResult>('result.json')),
    ...leaseTables(await result<LeaseResult>('lease.json')),
  };
  await writeFile(PAGE, await fillIn(await readFile(PAGE, 'utf8'), tables));
}
