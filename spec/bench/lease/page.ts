import { type Goal, goalReport } from '../goal.ts';
import { type Machine, heading } from '../machine.ts';
import { type Tables, markdown } from '../markdown.ts';
import { footprintReport, requestsReport } from './consumption.ts';
import { type Crashed, crashReport } from './crash.ts';
import type { Day } from './day.ts';
import { type Stampede, herdReport } from './herd.ts';
import type { Idling } from './idle.ts';
import { type Many, manyReport } from './many.ts';
import { type Released, releaseReport } from './release.ts';

/** What `npm run bench -- --lease --json` writes. */
export interface LeaseResult {
  readonly machine: Machine;
  readonly release: readonly Released[];
  readonly crash: readonly Crashed[];
  readonly requests: { readonly processes: readonly Idling[]; readonly day: Day };
  readonly footprint: readonly Idling[];
  readonly herd: readonly Stampede[];
  readonly many: readonly Many[];
  readonly goals: readonly Goal[];
}

export function leaseTables(result: LeaseResult): Tables {
  const { release, crash, requests, footprint, herd, many, goals } = result;
  return {
    'lease-machine': `${heading(result.machine).replace('\n', ';\n')}.`,
    'lease-release': markdown(releaseReport(release).table),
    'lease-crash': markdown(crashReport(crash).table),
    'lease-requests': markdown(requestsReport(requests.processes, requests.day).table),
    'lease-footprint': markdown(footprintReport(footprint).table),
    'lease-herd': markdown(herdReport(herd).table),
    'lease-many': markdown(manyReport(many).table),
    'lease-goals': markdown(goalReport(goals).table),
  };
}
