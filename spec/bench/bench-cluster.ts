import { readFileSync } from 'node:fs';

import { get } from '../cluster/api.ts';
import { down, up } from '../cluster/lifecycle.ts';
import { findProgram } from '../cluster/program.ts';
import type { Cluster } from '../cluster/state.ts';

/** Its own, so that nothing else goes on in it. */
const NAME = 'bench';

/**
 * Brings up a real Kubernetes to measure on. A signal that ends the process takes it down again.
 */
export async function openCluster({ node }: { readonly node: boolean }): Promise<Cluster> {
  const cluster = up({ name: NAME, node });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void abandon(cluster));
  }
  return cluster;
}

/** Without Go there is neither a Kubernetes nor a program to compare with. */
export function hasGo(): boolean {
  return findProgram('go', ['/usr/local/go/bin']) !== undefined;
}

/** Nothing of it is left. */
export async function closeCluster(): Promise<void> {
  await down({ name: NAME });
}

/** Of Kubernetes, and of modules that Go programs require, whose files are beside this one. */
export async function versionsOf(
  cluster: Cluster,
  { modules }: { readonly modules: Readonly<Record<string, string>> },
): Promise<Readonly<Record<string, string>>> {
  const { text } = await get(cluster, '/version');
  const { gitVersion } = JSON.parse(text) as { gitVersion: string };
  const versions = Object.entries(modules).map(([module, goMod]) => {
    return [module, moduleVersion(goMod, module)] as const;
  });
  return { ...Object.fromEntries(versions), Kubernetes: gitVersion.replace(/^v/, '') };
}

export function moduleVersion(goMod: string, module: string): string {
  const line = readFileSync(new URL(goMod, import.meta.url), 'utf8')
    .split('\n')
    .find((text) => text.includes(`${module} v`));
  return line?.trim().split(' v').at(-1) ?? 'unknown';
}

/** A second signal does not wait. */
async function abandon(cluster: Promise<Cluster>): Promise<void> {
  process.stderr.write('\nthe cluster is taken down\n');
  // Requests that are under way fail for that reason.
  process.on('uncaughtException', () => undefined);
  await cluster.catch(() => undefined);
  await closeCluster();
  process.exit(130);
}
