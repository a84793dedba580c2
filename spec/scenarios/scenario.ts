import { expect, inject, test } from 'vitest';

import { up } from '../cluster/lifecycle.ts';
import { type Cluster, load } from '../cluster/state.ts';
import type { Rights } from './arena.ts';
import { candidateImage } from './image.ts';
import { Scene } from './scene.ts';

/** What is awaited has its own limits, which say more. */
const TIMEOUT_MS = 900_000;

/** What is known of a scenario's end. */
export interface ScenarioOptions extends Rights {
  /** @default one Pod leads */
  readonly endsWithoutLeader?: boolean;
  /** The scenario is about one of the limits in `docs/safety.md`. */
  readonly isBeyondThePromise?: boolean;
  /** @default that of the candidate */
  readonly image?: (cluster: Cluster) => Promise<string>;
  /** The API server may be killed before it writes down in its audit log what it did. */
  readonly isAuditIncomplete?: boolean;
}

/**
 * scenario is a test in a namespace of its own. Whatever happens in it, at no time do two Pods whose
 * processes run both say that they lead, and in the end one leads.
 */
export function scenario(
  title: string,
  play: (scene: Scene) => Promise<void>,
  options: ScenarioOptions = {},
): void {
  test(title, { timeout: TIMEOUT_MS }, async ({ skip, onTestFinished }) => {
    const { name, noNode } = inject('cluster');
    if (noNode !== undefined) skip(`there is no node of the project's own: ${noNode}`);
    const cluster = name === undefined ? undefined : load(name);
    if (!cluster) throw new Error('there is no cluster');
    const { image = candidateImage } = options;

    const scene = await Scene.open(cluster, await image(cluster), options);
    onTestFinished(() => scene.close());
    try {
      await play(scene);
      if (!options.endsWithoutLeader) await scene.leader();
    } catch (error) {
      // What it stopped or killed is not missing in the scenarios that follow.
      await up({ name: cluster.name, node: true });
      throw error;
    }
    if (options.isBeyondThePromise) return;
    expect(scene.violations(!options.isAuditIncomplete)).toEqual([]);
  });
}
