import { call, importing, size } from './startup.ts';
import { crash, podHandover, release } from './handover.ts';
import { requests } from './day.ts';
import { footprint, leaseRequests, podRequests } from './idle.ts';
import { herd, inProcessHerd, leaseHerd } from './herd.ts';
import { aborted } from './light/aborted.ts';
import { memory, renewals } from './light/idle.ts';
import { starting } from './light/start.ts';
import { thousand } from './light/thousand.ts';
import { many } from './many.ts';
import { podCrash } from './pods/crash.ts';
import { rollout } from './pods/rollout.ts';
import { type Machine, heading } from './machine.ts';
import type { Plot } from './plot.ts';
import { type Goal, type Report, goalReport, markdown } from './report.ts';
import type { Situation } from './situation.ts';

const OPERATOR_LIB = '../scenarios/operator-lib/go.mod';

/** A situation with any needs and any data. */
type AnySituation = Omit<Situation<never, unknown>, 'report'> & {
  readonly report: (data: never) => Report;
};

/** What one run measures. */
export interface Suite {
  /** In the order in which they are measured. */
  readonly situations: Readonly<Record<string, AnySituation>>;
  /** What it runs on; missing for this process. */
  readonly cluster?: {
    /** With a node, on which Pods run. */
    readonly node: boolean;
    /** Other libraries that take part, and where their versions are. */
    readonly modules: Readonly<Record<string, string>>;
    /** Without Go, an API server in another process takes its place. */
    readonly isOptional?: boolean;
  };
  /** The title of what is drawn. */
  readonly picture: string;
  readonly defaults: { readonly candidates: string; readonly minutes: string };
}

export const SUITES = {
  'in-process': {
    situations: { handover: inProcessHerd, requests, import: importing, size },
    picture: '',
    defaults: { candidates: '3,100,1000', minutes: '5' },
  },
  // Linux only; as root, for a mount namespace.
  light: {
    situations: { start: starting, memory, aborted, renewals, thousand },
    cluster: {
      ...{ node: false, modules: { 'client-go': '../lab/client-go/go.mod' } },
      isOptional: true,
    },
    picture: 'How long it takes to lead',
    defaults: { candidates: '3', minutes: '5' },
  },
  cluster: {
    situations: { handover: podHandover, call, herd, requests: podRequests },
    cluster: { node: true, modules: { 'operator-lib': OPERATOR_LIB } },
    picture: 'How long nobody leads after the leader’s Pod is deleted',
    defaults: { candidates: '3,100,1000', minutes: '5' },
  },
  // The last two keep the machine busy: what is idle has been measured by then.
  lease: {
    situations: { release, crash, requests: leaseRequests, footprint, herd: leaseHerd, many },
    cluster: { node: false, modules: { 'client-go': '../lab/client-go/go.mod' } },
    picture: 'How long nobody holds a Lease',
    defaults: { candidates: '100', minutes: '3' },
  },
  pods: {
    situations: { crash: podCrash, rollout },
    cluster: {
      node: true,
      modules: { 'client-go': '../lab/client-go/go.mod', 'operator-lib': OPERATOR_LIB },
    },
    picture: 'How long nobody leads after a crash, and in a rolling update',
    defaults: { candidates: '3', minutes: '5' },
  },
} satisfies Record<string, Suite>;

/** What `--json` writes: the data of each situation, by its name. */
export interface Result extends Readonly<Record<string, unknown>> {
  readonly machine: Machine;
}

/** All situations that were measured, as reports. */
export function reportsOf({ situations }: Suite, result: Result): Map<string, Report> {
  const measured = Object.entries(situations).filter(([name]) => name in result);
  return new Map(
    measured.map(([name, { report }]) => [name, report(result[name] as never)] as const),
  );
}

export function goalsOf(suite: Suite, result: Result): Goal[] {
  return [...reportsOf(suite, result).values()].flatMap(({ goals = [] }) => goals);
}

export function plotOf(suite: Suite, result: Result): Plot {
  const panels = [...reportsOf(suite, result).values()].flatMap((report) => report.panels ?? []);
  return { title: suite.picture, panels, caption: heading(result.machine).split('\n') };
}

/** In Markdown, by name. */
export function tablesOf(suite: Suite, result: Result): Map<string, string> {
  const reports = reportsOf(suite, result).set('goals', goalReport(goalsOf(suite, result)));
  return new Map([
    ['machine', `${heading(result.machine).replace('\n', ';\n')}.`],
    ...[...reports].map(([name, { table }]) => [name, markdown(table)] as const),
  ]);
}
