import type { V1Pod } from '@kubernetes/client-node';

import type { Cluster } from '../cluster/state.ts';
import { candidateImage } from '../scenarios/image.ts';
import type { Term } from '../scenarios/journal.ts';
import type { CandidateOptions } from '../scenarios/manifest.ts';
import { operatorLibImage } from '../scenarios/operator-lib.ts';
import { Scene } from '../scenarios/scene.ts';

const NODE = '/usr/local/bin/node';
const REPLICAS = 3;

/** A program that leads, as the Pods of a Deployment run it. */
export interface Program {
  readonly name: string;
  readonly candidate: CandidateOptions;
  /** Whether it says for whom it waits. */
  readonly tellsWaiting: boolean;
}

export const ourProgram: Program = {
  name: 'leader-for-life',
  candidate: {},
  tellsWaiting: true,
};

/** Steps down before it ends, which operator-lib cannot. */
export const releasingProgram: Program = {
  name: 'leader-for-life, release()',
  candidate: { onSigterm: 'release' },
  tellsWaiting: true,
};

export const bareProgram: Program = {
  name: 'bare client',
  candidate: { container: { command: [NODE, '/app/bare.ts'] } },
  tellsWaiting: true,
};

export async function operatorLibProgram(cluster: Cluster): Promise<Program> {
  const image = await operatorLibImage(cluster);
  return { name: 'operator-lib', candidate: { image }, tellsWaiting: false };
}

/** A Deployment of three, in a namespace of its own. */
export class Fleet {
  readonly program: Program;
  readonly scene: Scene;

  private constructor(program: Program, scene: Scene) {
    this.program = program;
    this.scene = scene;
  }

  /** Resolves when one leads and the others wait. */
  static async deploy(cluster: Cluster, program: Program): Promise<Fleet> {
    const scene = await Scene.open(cluster, await candidateImage(cluster));
    const fleet = new Fleet(program, scene);
    await scene.deployment('candidate', REPLICAS, program.candidate);
    await fleet.settled();
    return fleet;
  }

  /** Deletes the leader's Pod; resolves when another leads and a new Pod waits like the others. */
  async handOver(): Promise<void> {
    const { scene } = this;
    const { leader } = await this.settled();
    await scene.deletePod(leader.pod);
    // The API server has other things to do now than to be asked.
    await scene.until(`another Pod than ${leader.pod} leads`, () =>
      scene.terms.some(({ uid, fromMs }) => uid !== leader.uid && fromMs > leader.fromMs),
    );
    await this.settled();
  }

  /** Resolves when there are three Pods, of which one leads and the others wait. */
  settled(): Promise<{ leader: Term; waiting: readonly string[] }> {
    const { scene } = this;
    return scene.until('one Pod leads and all others wait', async () => {
      const pods = await scene.pods();
      const uids = pods.map(({ metadata }) => metadata?.uid ?? '');
      if (pods.length !== REPLICAS || pods.some(isGoing)) return undefined;
      const leader = scene.terms.findLast(({ isOpen, uid }) => isOpen && uids.includes(uid));
      if (!leader) return undefined;
      const waiting = uids.filter((uid) => uid !== leader.uid);
      return waiting.every((uid) => this.#waits(uid, leader)) ? { leader, waiting } : undefined;
    });
  }

  #waits(podUid: string, leader: Term): boolean {
    const last = this.scene.entries.findLast(({ uid }) => uid === podUid);
    if (!this.program.tellsWaiting) return last?.event === 'start';
    return last?.event === 'waiting' && last.holderPod === leader.pod;
  }
}

function isGoing({ metadata }: V1Pod): boolean {
  return metadata?.deletionTimestamp !== undefined;
}
