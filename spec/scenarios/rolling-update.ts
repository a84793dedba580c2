import { setTimeout as sleep } from 'node:timers/promises';
import type { Term } from '../lab/history.ts';
import { MERGE } from '../lab/pods.ts';
import { nowMs } from '../lab/say.ts';
import { handoversOf } from '../lab/verdict.ts';
import { type CandidateOptions, workload } from './manifest.ts';
import type { Scene } from './scene.ts';

const NAME = 'operator';
const REPLICAS = 3;

/** How many Pods may come before others go, and how many go before others come. */
export interface Strategy {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

export interface RolloutOptions extends Strategy {
  readonly candidate: CandidateOptions;
  /** It does not say that it waits. */
  readonly isSilent?: boolean;
}

/** What one rolling update has done to leadership. */
export interface Update {
  /** The leaders that followed each other, each as its Pod. */
  readonly leaders: readonly string[];
  /** Whether there was one handover, straight to a new Pod. */
  readonly isDirect: boolean;
  /** How long nobody acted, in all its handovers together. */
  readonly outageMs: number;
}

/** A Deployment of three candidates, and what its rolling updates do to leadership. */
export class Rollout {
  readonly #scene: Scene;
  /** What each of its Pods says once it asks for the lock. */
  readonly #asks: ReadonlySet<string>;
  #version = 1;

  private constructor(scene: Scene, isSilent: boolean) {
    this.#scene = scene;
    this.#asks = new Set(['waiting', 'new-leader', 'leading', ...(isSilent ? ['start'] : [])]);
  }

  /** Resolves once a Pod leads and the others run. */
  static async begin(scene: Scene, how: RolloutOptions): Promise<Rollout> {
    const { candidate, isSilent = false, maxSurge, maxUnavailable } = how;
    const { namespace } = scene;
    const { metadata, ...spec } = workload(scene.where, NAME, candidate);
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
    const body = { metadata, spec: { replicas: REPLICAS, strategy, ...spec } };
    await scene.apps.createNamespacedDeployment({ namespace, body });
    const rollout = new Rollout(scene, isSilent);
    await rollout.#settled([]);
    return rollout;
  }

  /** Resolves once all Pods are new, and one of them leads. */
  async update(): Promise<Update> {
    const { namespace, apps } = this.#scene;
    const old = (await this.#scene.pods()).map(({ metadata }) => metadata?.uid ?? '');
    const before = this.#scene.terms.length - 1;
    this.#version += 1;
    const template = { metadata: { annotations: { version: `${this.#version}` } } };
    await apps.patchNamespacedDeployment(
      { namespace, name: NAME, body: { spec: { template } } },
      MERGE,
    );
    await this.#settled(old);
    const [leader, ...terms] = this.#scene.terms.slice(before);
    const [first] = terms;
    const handovers = handoversOf(leader ? [leader, ...terms] : terms);
    return {
      leaders: terms.map(({ pod, uid }) => `${pod}${old.includes(uid) ? ' (old)' : ''}`),
      isDirect: terms.length === 1 && first !== undefined && !old.includes(first.uid),
      outageMs: handovers.reduce((sum, { gapMs }) => sum + gapMs, 0),
    };
  }

  /** Only new Pods exist, all have asked for the lock, and one of them leads. */
  async #settled(old: readonly string[]): Promise<void> {
    const scene = this.#scene;
    await scene.until('all Pods are new and ask for the lock, and one leads', async () => {
      const uids = (await scene.pods()).map(({ metadata }) => metadata?.uid ?? '');
      if (uids.length !== REPLICAS || uids.some((uid) => old.includes(uid))) return false;
      const asked = new Set(
        scene.entries.filter(({ event }) => this.#asks.has(event)).map(({ uid }) => uid),
      );
      return uids.every((uid) => asked.has(uid)) && leaderAmong(scene, uids) !== undefined;
    });
    // What it has marked may still be on its way.
    await sleep(500);
  }
}

function leaderAmong(scene: Scene, uids: readonly string[]): Term | undefined {
  const recentMs = nowMs() - 2_000;
  return scene.terms.findLast(
    ({ isOpen, toMs, uid }) => isOpen && toMs > recentMs && uids.includes(uid),
  );
}
