import type { V1Pod } from '@kubernetes/client-node';

import type { Cluster } from '../../cluster/state.ts';
import { candidateImage } from '../../scenarios/image.ts';
import { operatorLib as inGo } from '../../scenarios/go-images.ts';
import type { Entry, Term } from '../../scenarios/journal.ts';
import type { CandidateOptions } from '../../scenarios/manifest.ts';
import { Scene } from '../../scenarios/scene.ts';
import { AuditLog, type AuditedRequest } from '../audit-log.ts';
import { perBench } from '../situation.ts';
import { handoversOf } from '../takeovers.ts';

const NODE = '/usr/local/bin/node';
const REPLICAS = 3;

/** A program that leads, as Pods run it. */
export interface Program {
  readonly name: string;
  readonly candidate: CandidateOptions;
  /** It does not say that it waits, nor for which Pod. */
  readonly isSilent?: boolean;
}

export const OURS: Program = { name: 'leader-for-life', candidate: {} };

/** Steps down before it ends, which operator-lib cannot. */
export const RELEASING: Program = {
  name: 'leader-for-life, release()',
  candidate: { onSigterm: 'release' },
};

/** The floor. */
export const BARE: Program = {
  name: 'bare client',
  candidate: { container: { command: [NODE, '/app/bare.js'] } },
};

export const operatorLib = perBench(async ({ cluster }): Promise<Program> => {
  return { name: 'operator-lib', candidate: await inGo(cluster), isSilent: true };
});

/** A namespace for Pods of these programs. */
export async function openScene(cluster: Cluster): Promise<Scene> {
  return Scene.open(cluster, await candidateImage(cluster));
}

/** A Deployment of three, in a namespace of its own. */
export class Fleet {
  readonly name: string;
  readonly #isSilent: boolean;
  readonly #scene: Scene;

  private constructor({ name, isSilent = false }: Program, scene: Scene) {
    this.name = name;
    this.#isSilent = isSilent;
    this.#scene = scene;
  }

  /** Resolves when one leads and the others wait. */
  static async deploy(cluster: Cluster, program: Program): Promise<Fleet> {
    const scene = await openScene(cluster);
    const fleet = new Fleet(program, scene);
    await scene.deployment('candidate', REPLICAS, program.candidate);
    await fleet.settled();
    return fleet;
  }

  /** Deletes the leader's Pod; resolves when another leads and a new Pod waits like the others. */
  async handOver(): Promise<void> {
    const scene = this.#scene;
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
    const scene = this.#scene;
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

  requests(): readonly AuditedRequest[] {
    const { cluster, namespace } = this.#scene;
    return new AuditLog(cluster.auditLog, namespace).read();
  }

  /** Removes its Pods; resolves with what became of its leaders. */
  async close(): Promise<{ handoverMs: number[]; outageMs: number[] }> {
    const handoverMs = handoversOf(this.requests(), this.#scene.where.lockName);
    const outageMs = outagesOf(this.#scene.entries);
    await this.#scene.close();
    return { handoverMs, outageMs };
  }

  #waits(podUid: string, leader: Term): boolean {
    const last = this.#scene.entries.findLast(({ uid }) => uid === podUid);
    if (this.#isSilent) return last?.event === 'start';
    return last?.event === 'waiting' && last.holderPod === leader.pod;
  }
}

/** From the end of each leader to the beginning of the next one. */
export function outagesOf(entries: readonly Entry[]): number[] {
  const terms = [...Map.groupBy(entries, ({ run }) => run).values()]
    .flatMap((own) => {
      const from = own.find(({ event }) => event === 'leading');
      const to = own.find(({ event }) => event === 'releasing' || event === 'exit');
      return from ? { fromMs: from.atMs, toMs: to?.atMs } : [];
    })
    .sort((a, b) => a.fromMs - b.fromMs);
  return terms.slice(1).flatMap(({ fromMs }, index) => {
    const endMs = terms[index]?.toMs;
    return endMs === undefined ? [] : fromMs - endMs;
  });
}

function isGoing({ metadata }: V1Pod): boolean {
  return metadata?.deletionTimestamp !== undefined;
}
