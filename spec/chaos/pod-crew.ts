import type { ErrorCode } from '../../lib/errors.ts';
import { requireNode } from '../cluster/node.ts';
import { signal } from '../cluster/process.ts';
import type { Cluster } from '../cluster/state.ts';
import { processesWith } from '../lab/environments.ts';
import type { Entry } from '../lab/journal.ts';
import { LockHistory, type Version } from '../lab/lock-history.ts';
import { MERGE, unlessNotFound } from '../lab/pods.ts';
import { nowMs } from '../lab/say.ts';
import { candidateImage } from '../scenarios/image.ts';
import type { CandidateOptions } from '../scenarios/manifest.ts';
import { Scene } from '../scenarios/scene.ts';
import type { Luck } from '../simulate/luck.ts';
import type { Line } from './fault.ts';
import { insist, until } from './insist.ts';
import { MAX_BACKOFF_MS, durations, ended } from './recovery.ts';
import type { Chronicle, Mode } from './trouble.ts';

/** Of its Pods, some ask the API server itself, the others by way of the fault proxy. */
const NEAR = 'near';
const FAR = 'far';
const EACH = 2;
/** A Pod that is deleted may find the lock free, and itself terminating or gone, before its SIGTERM. */
const CODES: Readonly<Record<Mode, readonly ErrorCode[]>> = {
  life: ['ERR_POD_NOT_FOUND', 'ERR_POD_TERMINATING'],
  lease: [],
};
/** By a Lease, each process has an identity of its own; those near release nothing: evidence has to do. */
const CANDIDATES: Readonly<Record<Mode, Readonly<Record<string, CandidateOptions>>>> = {
  life: {
    [NEAR]: { onSigterm: 'release', become: { maxBackoffMs: MAX_BACKOFF_MS } },
    [FAR]: { onSigterm: 'release', become: { maxBackoffMs: MAX_BACKOFF_MS } },
  },
  lease: {
    [NEAR]: { onSigterm: 'exit', election: 'anew', become: durations },
    [FAR]: { onSigterm: 'release', election: 'anew', become: durations },
  },
};

export interface PodCrewOptions {
  readonly cluster: Cluster;
  readonly mode: Mode;
  readonly line: Line;
  readonly chronicle: Chronicle;
}

/** The candidates of one election, as Pods of two Deployments on the cluster's node. */
export class PodCrew {
  readonly name: string;
  readonly mode: Mode;
  readonly scene: Scene;
  readonly #history: LockHistory;
  /** The way of some of them. */
  readonly line: Line;
  readonly dismissalCodes: readonly ErrorCode[];
  readonly #chronicle: Chronicle;
  /** A container that ends again waits longer and longer for its next start: each ends once. */
  readonly #restarted = new Set<string>();
  #rollouts = 0;
  fromMs = 0;

  private constructor(options: PodCrewOptions, scene: Scene, history: LockHistory) {
    this.mode = options.mode;
    this.name = `pods-${this.mode}`;
    this.dismissalCodes = CODES[this.mode];
    this.line = options.line;
    this.#chronicle = options.chronicle;
    this.scene = scene;
    this.#history = history;
  }

  /** Why there can be none here; undefined where there can. */
  static whyNot(): string | undefined {
    try {
      requireNode();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  static async start(options: PodCrewOptions): Promise<PodCrew> {
    const { cluster, mode, line } = options;
    const pods = { watched: true };
    const scene = await Scene.open(cluster, await candidateImage(cluster), { pods });
    const history = await LockHistory.begin(scene.lockPlace(mode));
    const crew = new PodCrew(options, scene, history);
    try {
      const { [NEAR]: near, [FAR]: far } = CANDIDATES[mode];
      const port = { name: 'KUBERNETES_SERVICE_PORT', value: new URL(line.server).port };
      await scene.deployment(NEAR, EACH, near);
      await scene.deployment(FAR, EACH, { ...far, without: [port.name], env: [port] });
      await crew.leads();
      crew.fromMs = crew.entries.find(({ event }) => event === 'leading')?.atMs ?? 0;
      return crew;
    } catch (error) {
      await crew.close();
      throw error;
    }
  }

  /** Whether its requests go by the fault proxy. */
  isFar(pod: string): boolean {
    return pod.startsWith(`${FAR}-`);
  }

  /** Who held the lock, each as its Pod. */
  get history(): { versions: readonly Version[]; holes: LockHistory['holes'] } {
    const { versions, holes } = this.#history;
    const podOf = (holder: string) => holder.replace(/_.*/, '');
    return { holes, versions: versions.map((one) => ({ ...one, holder: podOf(one.holder) })) };
  }

  /** What the Pods said. */
  get entries(): readonly Entry[] {
    return this.scene.entries.toSorted((a, b) => a.atMs - b.atMs);
  }

  /** Resolves once somebody acts from now on. */
  async leads(): Promise<void> {
    const sinceMs = nowMs();
    await until(`somebody leads (${this.name})`, () => {
      return this.scene.terms.some(({ isOpen, toMs }) => isOpen && toMs > sinceMs);
    });
  }

  /** The leader's process is killed; its container starts again. */
  async kill(luck: Luck): Promise<void> {
    const pod = await this.#pick(luck);
    if (pod === undefined) return;
    if (this.#restarted.has(pod)) {
      await this.remove(luck, 'Pod deleted');
      return;
    }
    this.#restarted.add(pod);
    const over = this.#begin('container killed', pod);
    const runs = this.#runsOf(pod);
    const isOfPod = (variable: string) => variable === `POD_NAME=${pod}`;
    for (const pid of processesWith(isOfPod)) signal(pid, 'SIGKILL');
    await until(`the container of ${pod} starts again`, () => this.#runsOf(pod) > runs);
    over();
  }

  /** The leader's Pod is deleted or evicted; the Deployment makes another. */
  async remove(luck: Luck, kind: 'Pod deleted' | 'Pod evicted'): Promise<void> {
    const pod = await this.#pick(luck);
    if (pod === undefined) return;
    const over = this.#begin(kind, pod);
    const { scene } = this;
    const { core, namespace } = scene;
    await insist(`${kind}: ${pod}`, async () => {
      if (kind === 'Pod deleted') return scene.deletePod(pod).catch(unlessNotFound);
      const body = { metadata: { name: pod, namespace } };
      return core.createNamespacedPodEviction({ namespace, name: pod, body }).catch(unlessNotFound);
    });
    await until(`${pod} is gone`, async () => (await scene.findPod(pod)) === undefined);
    over();
  }

  /** A Deployment gets new Pods, as by `kubectl rollout restart`. */
  async restart(luck: Luck): Promise<void> {
    const name = luck.pick([NEAR, FAR]);
    const { apps, namespace } = this.scene;
    const isOld = (pod: string) => old.includes(pod);
    const old = (await this.#present()).filter((pod) => pod.startsWith(`${name}-`));
    this.#rollouts += 1;
    const annotations = { restarted: `${this.#rollouts}` };
    const body = { spec: { template: { metadata: { annotations } } } };
    const over = this.#begin('Deployment restarted', name, isOld);
    await insist(`restarting ${name}`, () =>
      apps.patchNamespacedDeployment({ namespace, name, body }, MERGE),
    );
    await until(`the old Pods of ${name} are gone`, async () => {
      const pods = await this.scene.pods();
      return !pods.some(({ metadata }) => isOld(metadata?.name ?? ''));
    });
    over();
  }

  /** Ends the Pods. Resolves once they are gone. */
  async dismiss(): Promise<void> {
    for (const name of [NEAR, FAR]) {
      await insist('scaling down', () => this.scene.scale(name, 0));
    }
    await until('the Pods are gone', async () => (await this.scene.pods()).length === 0);
  }

  async close(): Promise<void> {
    await this.#history.close();
    await insist('closing the scene of the Pods', () => this.scene.close());
    await until('the namespace of the Pods is gone', async () => {
      const { items } = await this.scene.core.listNamespace();
      return !items.some(({ metadata }) => metadata?.name === this.scene.namespace);
    });
  }

  #runsOf(pod: string): number {
    return this.scene.saidBy(pod).filter(({ event }) => event === 'start').length;
  }

  /** The leader, most of the time; none that is about to go. */
  async #pick(luck: Luck): Promise<string | undefined> {
    const names = (await this.#present()).filter((name) => this.#runsOf(name) > 0);
    const leader = this.scene.terms.findLast(({ isOpen }) => isOpen)?.pod;
    if (leader !== undefined && names.includes(leader) && luck.chance(0.7)) return leader;
    return names.length === 0 ? undefined : luck.pick(names);
  }

  /** Those that are not about to go. */
  async #present(): Promise<string[]> {
    const pods = await insist('listing the Pods', () => this.scene.pods());
    return pods
      .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
      .map(({ metadata }) => metadata?.name ?? '');
  }

  #begin(kind: string, target: string, strikes = (identity: string) => identity === target) {
    const codes = CODES[this.mode];
    const elections = [this.name];
    return this.#chronicle.begin({ kind, target, strikes, elections, effects: ended, codes });
  }
}
