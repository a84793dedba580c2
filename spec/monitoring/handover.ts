import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { documentedPanels, documentedRules } from './manifests.ts';
import { type EvaluatedRule, PrometheusServer, type Range } from './prometheus-server.ts';

const REPLICA = join(import.meta.dirname, 'replica.ts');

/** What Grafana would put into the queries. */
const VARIABLES = [
  ['$namespace', '.*'],
  ['$name', '.*'],
  ['$__rate_interval', '5s'],
] as const;

/** A panel of the dashboard, with what its queries have found. */
export interface FilledPanel {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
}

/** A series with the name that the panel gives it; values by seconds. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

/** What a Prometheus has seen of a handover. */
export interface SeenHandover {
  readonly from: string;
  readonly to: string;
  readonly panels: readonly FilledPanel[];
  readonly rules: readonly EvaluatedRule[];
}

/**
 * Three replicas compete, each a process; `a` leads, two writes fail, `a` ends, another one leads.
 * Each of the two leaders renews `renewals` times.
 */
export async function handover(renewals = 3): Promise<SeenHandover> {
  const cluster = await createCluster();
  const children: ChildProcess[] = [];
  let prometheus: PrometheusServer | undefined;
  try {
    restrict(cluster, 'c');
    const ports: number[] = [];
    for (const name of ['a', 'b', 'c']) {
      const { child, port } = await replica(cluster, name);
      children.push(child);
      ports.push(port);
      // The others come later, so this one leads.
      if (name === 'a')
        await until(async () => (await scraped(port)).includes('status{name="operator"} 1'));
    }
    const targets = ports.map((port, index) => ({
      port,
      labels: { namespace: 'default', pod: 'abc'.charAt(index) },
    }));
    const began = Date.now() / 1_000;
    prometheus = await PrometheusServer.start(targets, JSON.stringify(documentedRules()));
    const seen = await watch(prometheus, cluster, children, renewals);
    return { ...seen, panels: await fill(prometheus, began), rules: await prometheus.rules() };
  } finally {
    await prometheus?.stop();
    await Promise.all(children.map(end));
    await cluster.close();
  }
}

/** Resolves with who led before and after. */
async function watch(
  prometheus: PrometheusServer,
  cluster: Cluster,
  children: readonly ChildProcess[],
  renewals: number,
): Promise<Pick<SeenHandover, 'from' | 'to'>> {
  const leader = async () => {
    const leading = [...(await prometheus.values('leader_election_master_status == 1')).keys()];
    return leading.length === 1 ? leading[0] : undefined;
  };
  const counted = async (query: string, least: number) =>
    until(async () =>
      [...(await prometheus.values(query)).values()].some((value) => value >= least),
    );
  await counted('leader_for_life_renew_duration_seconds_count', renewals);
  const from = await until(leader);
  cluster.faults.add({ verb: 'update', user: from, error: { status: 503 }, times: 2 });
  await counted('leader_for_life_errors_total{code="HTTP_503"}', 1);
  await counted('leader_election_slowpath_total', 1);
  const leaving = children['abc'.indexOf(from)];
  if (leaving) await end(leaving);
  await counted('leader_for_life_takeover_duration_seconds_count', 1);
  const to = await until(leader);
  await counted('leader_for_life_renew_duration_seconds_count{pod!="a"}', renewals);
  return { from, to };
}

/** Every query of the dashboard, asked. */
async function fill(prometheus: PrometheusServer, began: number): Promise<FilledPanel[]> {
  const now = Date.now() / 1_000;
  const fillOne = async (expr: string, legend: string): Promise<Line[]> => {
    const query = VARIABLES.reduce((text, [name, value]) => text.replaceAll(name, value), expr);
    return (await prometheus.range(query, began, now)).map((range) => lineOf(range, legend));
  };
  return Promise.all(
    documentedPanels().map(async ({ title, targets, fieldConfig }) => ({
      title,
      unit: fieldConfig.defaults.unit,
      lines: (
        await Promise.all(targets.map(({ expr, legendFormat }) => fillOne(expr, legendFormat)))
      ).flat(),
    })),
  );
}

function lineOf({ metric, values }: Range, legend: string): Line {
  return {
    name: legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ''),
    points: values
      .map(([seconds, value]) => [seconds, Number(value)] as const)
      .filter(([, value]) => Number.isFinite(value)),
  };
}

/** It may not watch, and is degraded. */
function restrict(cluster: Cluster, user: string): void {
  cluster.grant(user, [
    {
      ...{ apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
      verbs: ['get', 'create', 'update'],
    },
  ]);
}

async function replica(cluster: Cluster, name: string) {
  const config = cluster.kubeConfigText({ user: name });
  const child = spawn(process.execPath, [REPLICA, name, config], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1' },
  });
  for await (const line of createInterface({ input: child.stdout })) {
    return { child, port: Number(line) };
  }
  throw new Error(`replica ${name} has ended at once`);
}

async function scraped(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/`)).text();
}

/** Asks until there is an answer; Prometheus tells nobody when it has scraped. */
async function until<T>(ask: () => Promise<T>): Promise<NonNullable<T>> {
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) return answer;
    await pause(200);
  }
  throw new Error(`it did not come to this: ${ask.toString()}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}
