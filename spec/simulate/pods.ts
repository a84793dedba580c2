import type { KubeObject } from '../../lib/testing/objects.ts';
import type { Fact } from './fact.ts';
import type { Details } from './family.ts';
import { LifeCandidate } from './life-candidate.ts';
import type { Slot, World } from './world.ts';

/**
 * The request that gives a lock up may still be on its way when its process is killed: a container
 * that starts in the same Pod meanwhile would take the lock for its own. `docs/safety.md` tells;
 * here kubelets take their time then.
 */
const RESTART_AFTER_RELEASE_MS = 30_000;

/** Longer than any world: its Pods end by its own events. */
const GRACE_S = 3_600;
const SHORTER_GRACE_S = 1_800;

/** How a Pod ends. */
type Ending = Pick<Details, 'lastMs' | 'goneMs' | 'phase'>;

interface Ref {
  readonly metadata: { readonly name: string; readonly uid: string };
}

/** A Pod in truth: what a check may hold against what a candidate believes. */
interface PodState {
  /** Nothing of it runs or will run any more. */
  isOver: boolean;
  isDeleting: boolean;
  /** It is deleted in the foreground, so its lock goes before it does: the documented exception. */
  losesLock: boolean;
  hasFinalPhase: boolean;
}

const NEW = { isOver: false, isDeleting: false, losesLock: false, hasFinalPhase: false };

/** The Pods of a world, from their creation to their end, and whoever runs in them. */
export class Pods {
  readonly #world: World;
  readonly #states = new Map<string, PodState>();
  readonly #notBefore = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  notice(fact: Fact): void {
    if (fact.type === 'died' && fact.who instanceof LifeCandidate && fact.who.isGivingUp) {
      const { clock, figures } = this.#world;
      this.#notBefore.set(fact.who.podUid, clock.now() + RESTART_AFTER_RELEASE_MS);
      figures.add('killed while it gives the lock up');
    }
    if (fact.type !== 'written' || fact.resource !== 'pods') return;
    const object = fact.after ?? fact.before;
    if (!object) return;
    const { uid, deletionTimestamp, finalizers = [] } = object.metadata;
    const state = this.#states.get(uid) ?? { ...NEW };
    state.isDeleting ||= deletionTimestamp !== undefined;
    state.losesLock ||= finalizers.includes('foregroundDeletion');
    state.hasFinalPhase ||= fact.after !== undefined && isFinal(fact.after);
    state.isOver ||= !fact.after || hasEnded(fact.after);
    this.#states.set(uid, state);
    if (state.isOver) this.#endProcesses(uid);
  }

  /** A Pod of this name that runs, where there is none. */
  create(name: string): void {
    this.#world.cluster.createPod(name, { labels: { app: 'app' } });
  }

  /** What the next Pod in this slot is called: as a StatefulSet does it, or as a Deployment. */
  nextName(slot: Slot): string {
    if (this.#world.schedule.setting['renames'] !== true) return slot.podName;
    slot.pods += 1;
    slot.podName = `${slot.name}-${slot.pods}`;
    return slot.podName;
  }

  /** Another Pod in place of one that has ended; under a name of its own, that one's object stays. */
  succeed(slot: Slot): void {
    const before = slot.podName;
    const name = this.nextName(slot);
    if (name === before) this.#world.cluster.deletePod(name);
    this.#createUnlessThere(name);
  }

  /** Terminating for a while; then its processes end, then its phase says so, then it goes. */
  deleteGracefully(
    name: string,
    times: Ending,
    cascade: 'background' | 'foreground' = 'background',
  ): void {
    const { cluster } = this.#world;
    const pod = cluster.getPod(name);
    if (!pod || this.state(pod.metadata.uid).isDeleting) return;
    cluster.deletePod(pod, { cascade, gracePeriodSeconds: GRACE_S });
    this.#world.later(times.lastMs, () => {
      this.#end(pod, times.phase);
      this.#world.later(times.goneMs, () => this.#remove(pod));
    });
  }

  /** One that is being deleted is deleted in the foreground, with a shorter grace. */
  deleteAgain(name: string): void {
    const { cluster, figures } = this.#world;
    const pod = cluster.getPod(name);
    if (!pod || !this.state(pod.metadata.uid).isDeleting || this.state(pod.metadata.uid).losesLock)
      return;
    figures.add('deletion turned into one in the foreground');
    const options = { gracePeriodSeconds: SHORTER_GRACE_S, propagationPolicy: 'Foreground' };
    cluster.request('DELETE', `/api/v1/namespaces/default/pods/${name}`, options);
  }

  evict(name: string): void {
    const pod = this.#world.cluster.getPod(name);
    if (!pod || this.state(pod.metadata.uid).isOver) return;
    this.#endProcesses(pod.metadata.uid);
    this.#world.cluster.evictPod(pod);
  }

  /** All it had to do is done, or has failed; its object stays. */
  complete(name: string, phase: Ending['phase']): void {
    const pod = this.#world.cluster.getPod(name);
    if (pod && !this.state(pod.metadata.uid).isOver) this.#end(pod, phase);
  }

  /** It is gone, and there is another, at once: its controller was quick. */
  replace(slot: Slot): void {
    const pod = this.#world.cluster.getPod(slot.podName);
    if (!pod) return;
    this.#endProcesses(pod.metadata.uid);
    this.#world.cluster.deletePod(pod);
    this.#createUnlessThere(this.nextName(slot));
  }

  /** One that is deleted in the foreground stays until the garbage collector has seen it. */
  #createUnlessThere(name: string): void {
    if (!this.#world.cluster.getPod(name)) this.create(name);
  }

  /** Its phase is final although a container runs, as when its deadline is exceeded. */
  linger(
    name: string,
    { phase, lastMs, wipes }: Pick<Details, 'phase' | 'lastMs' | 'wipes'>,
  ): void {
    const { cluster } = this.#world;
    const pod = cluster.getPod(name);
    if (!pod || pod.status?.phase !== 'Running') return;
    const path = `/api/v1/namespaces/default/pods/${name}/status`;
    const say = (status: object) =>
      cluster.request('PATCH', path, { status }, 'application/merge-patch+json');
    const { containerStatuses } = pod.status;
    say({ phase, ...(wipes && { containerStatuses: [] }) });
    this.#world.later(lastMs, () => {
      if (wipes && this.#isThere(pod)) say({ containerStatuses });
      this.#end(pod, phase);
    });
  }

  #end(pod: Ref, phase: Ending['phase']): void {
    if (!this.#isThere(pod)) return;
    this.#endProcesses(pod.metadata.uid);
    this.#world.cluster.finishPod(pod, phase);
  }

  #remove(pod: Ref): void {
    if (this.#isThere(pod)) this.#world.cluster.deletePod(pod);
  }

  #isThere({ metadata: { name, uid } }: Ref): boolean {
    return this.#world.cluster.getPod(name)?.metadata.uid === uid;
  }

  /** A UID that never was is over. */
  state(uid: string): Readonly<PodState> {
    return this.#states.get(uid) ?? { ...NEW, isOver: true };
  }

  /** For how long no container can start in this Pod. */
  restartsInMs(uid: string): number {
    return Math.max((this.#notBefore.get(uid) ?? 0) - this.#world.clock.now(), 0);
  }

  /** A kubelet says that a Pod has ended after it has; here both take the same instant. */
  #endProcesses(uid: string): void {
    for (const candidate of this.#world.living) {
      if (candidate.podUid === uid) candidate.process.kill();
    }
  }
}

function isFinal(pod: KubeObject): boolean {
  const { phase } = (pod['status'] ?? {}) as { phase?: string };
  return phase === 'Failed' || phase === 'Succeeded';
}

/** Its phase is terminal, and no container runs. */
export function hasEnded(pod: KubeObject): boolean {
  const status = (pod['status'] ?? {}) as Record<string, unknown>;
  if (!isFinal(pod) || !(status['containerStatuses'] as unknown[] | undefined)?.length)
    return false;
  return !['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'].some((key) =>
    ((status[key] ?? []) as { state?: { running?: unknown } }[]).some(
      ({ state }) => state?.running !== undefined,
    ),
  );
}
