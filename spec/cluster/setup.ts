import type { TestProject } from 'vitest/node';

import { down, up } from './lifecycle.ts';
import { requireNode } from './node.ts';

/** What the specs on a real cluster need to know of it. */
export interface RealCluster {
  readonly kubeconfig: string;
  /** The name of the project's own cluster, whose parts can be stopped; undefined for another. */
  readonly name?: string;
  /** Why there is no node of ours; undefined where there is one. */
  readonly noNode?: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    readonly cluster: RealCluster;
  }
}

/** The project's own cluster: two runs at the same time need two names. */
const NAME = process.env['CLUSTER_NAME'] ?? 'test';

/** Starts the project's own cluster, or takes the one whose kubeconfig `CLUSTER` names. */
export default async function setup(
  project: TestProject,
): Promise<(() => Promise<void>) | undefined> {
  const given = process.env['CLUSTER'];
  if (given !== undefined && given !== '') {
    const noNode = 'a cluster of yours is used (CLUSTER)';
    tellSkipped(noNode);
    project.provide('cluster', { kubeconfig: given, noNode });
    return undefined;
  }
  const noNode = whyNoNode();
  if (noNode !== undefined) tellSkipped(noNode);
  const { kubeconfig } = await up({ name: NAME, node: noNode === undefined });
  project.provide('cluster', { kubeconfig, name: NAME, ...(noNode !== undefined && { noNode }) });
  return () => down({ name: NAME });
}

/** Vitest's reporter counts what is skipped, and keeps the reasons to itself. */
function tellSkipped(reason: string): void {
  process.stderr.write(`skipped is what needs a node of the project's own: ${reason}\n`);
}

function whyNoNode(): string | undefined {
  try {
    requireNode();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
