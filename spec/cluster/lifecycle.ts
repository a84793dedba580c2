import { existsSync } from 'node:fs';
import { get } from './api.ts';
import { binaries, build } from './build.ts';
import { removeCgroup } from './cgroup.ts';
import { components } from './component.ts';
import type { Component } from './component.ts';
import {
  controlPlaneComponents,
  prepareControlPlane,
  startControllers,
  startServer,
} from './control-plane.ts';
import { withLock } from './lock.ts';
import { requireNode, startNode } from './node.ts';
import { find, killAll, processes } from './process.ts';
import type { Running } from './process.ts';
import { stopwatch } from './progress.ts';
import type { Report } from './progress.ts';
import { create, erase, folderOf, idOf, load, save } from './state.ts';
import type { Cluster } from './state.ts';
import { together } from './together.ts';

export interface Options {
  /** @default 'default' */
  readonly name?: string;
  /** Told what goes on; by default it is written to stderr. */
  readonly report?: Report;
}

export interface UpOptions extends Options {
  /** Whether it has a node, on which Pods run. @default false */
  readonly node?: boolean;
}

export interface Status {
  /** Whether the API server is ready. */
  readonly isUp: boolean;
  readonly cluster: Cluster | undefined;
  readonly components: ReadonlyMap<Component, Running>;
}

/**
 * up brings up the cluster `name`, or what is missing of it, and resolves when it is ready. The
 * first time ever it builds Kubernetes, which takes minutes.
 */
export async function up(options: UpOptions = {}): Promise<Cluster> {
  const { name = 'default', node = false, report = stopwatch() } = options;
  if (process.platform !== 'linux') throw new Error('a cluster needs Linux');
  if (node) requireNode();
  const folder = folderOf(name);
  await build(node, report);
  return withLock(folder, report, async () => {
    const cluster = (await adopt(name)) ?? (await found(name));
    await startServer(cluster, report);
    const controllers = startControllers(cluster, report);
    await together(node ? [controllers, startNode(cluster, report)] : [controllers]);
    report(`the cluster ${name} is up`);
    return cluster;
  });
}

/** down ends the cluster `name` and removes all that there is of it, be it whole or half. */
export async function down(options: Options = {}): Promise<void> {
  const { name = 'default', report = stopwatch() } = options;
  const folder = folderOf(name);
  await withLock(folder, report, () => raze(folder));
  report(`the cluster ${name} is down`);
}

/** status tells what there is of the cluster `name`. */
export async function status(name = 'default'): Promise<Status> {
  const cluster = load(name);
  const running = new Map<Component, Running>();
  for (const component of components) {
    const process = find(folderOf(name), component);
    if (process) running.set(component, process);
  }
  const isWhole = controlPlaneComponents.every((component) => running.has(component));
  const isUp = isWhole && cluster !== undefined && (await get(cluster, '/readyz')).status === 200;
  return { isUp, cluster, components: running };
}

// What is left of a cluster whose processes are gone, as after a reboot, is worth nothing: others
// may have taken its ports.
async function adopt(name: string): Promise<Cluster | undefined> {
  const folder = folderOf(name);
  const cluster = load(name);
  if (!cluster || processes(folder).length === 0) {
    await raze(folder);
    return undefined;
  }
  const { controlPlane, node } = binaries();
  if (cluster.binaries.controlPlane !== controlPlane || cluster.binaries.node !== node) {
    const command = `npm run cluster -- down --name ${name}`;
    throw new Error(`the cluster ${name} runs other versions of its programs: ${command}, first`);
  }
  return cluster;
}

async function found(name: string): Promise<Cluster> {
  const cluster = await create(name, binaries());
  await prepareControlPlane(cluster);
  await save(cluster);
  return cluster;
}

async function raze(folder: string): Promise<void> {
  await killAll(() => processes(folder).map(({ pid }) => pid));
  await removeCgroup({ id: idOf(folder) });
  if (existsSync(folder)) await erase(folder);
}
