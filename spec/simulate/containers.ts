import type { LeaseSlot } from './lease-candidate.ts';
import type { Fact } from './fact.ts';
import type { Slot, World } from './world.ts';

interface Container {
  readonly id: string;
  readonly startedAt: string;
  readonly finishedAt?: string;
}

/** What a kubelet knows about the container of a slot's Pod. */
interface Known {
  readonly uid: string;
  readonly restarts: number;
  readonly current: Container;
  readonly last: Container | undefined;
  readonly isReady: boolean;
  readonly isWiped: boolean;
}

const NAME = 'app';

function stateOf({ id, startedAt, finishedAt }: Container) {
  return finishedAt === undefined
    ? { running: { startedAt } }
    : { terminated: { exitCode: 137, containerID: id, startedAt, finishedAt } };
}

/**
 * The Pods of electors, and their kubelets: a container whose process has ended is started again
 * with the next process of the slot. What kubelets report comes late, in its order.
 */
export class Containers {
  readonly #world: World;
  readonly #known = new Map<number, Known>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The environment of a process that starts in this slot. */
  enter(slot: Slot): Record<string, string> {
    const { cluster } = this.#world;
    const known = this.#known.get(slot.index);
    const pod = cluster.getPod(slot.podName);
    const goesOn = pod?.status?.phase === 'Running' && pod.metadata.uid === known?.uid;
    if (pod && !goesOn) cluster.deletePod(pod);
    const before = goesOn ? known : undefined;
    // Without a label, nobody can tell who the other candidates are.
    const labels = slot.setting['prefers'] === undefined ? undefined : { app: 'elector' };
    const options = { containerName: NAME, ...(labels && { labels }) };
    const uid = before?.uid ?? cluster.createPod(slot.podName, options).metadata.uid;
    const restarts = before ? before.restarts + 1 : 0;
    const current = { id: `containerd://${uid}-${NAME}-${restarts}`, startedAt: this.#now(slot) };
    this.#set(slot, {
      uid,
      restarts,
      current,
      last: before?.current,
      isReady: true,
      isWiped: false,
    });
    return { POD_NAME: slot.podName, POD_UID: uid, POD_NAMESPACE: 'default' };
  }

  readonly notice = (fact: Fact): void => {
    if (fact.type !== 'died') return;
    const slot = this.#world.slot(fact.who.slot);
    const known = this.#known.get(slot.index);
    if (known) {
      const finishedAt = this.#now(slot);
      this.#set(slot, { ...known, current: { ...known.current, finishedAt } });
    }
  };

  /** Its container runs on, and is said not to be ready, or nothing is said about it. */
  disguise(slot: Slot, as: 'unready' | 'wiped'): () => void {
    const change = (isDisguised: boolean) => {
      const known = this.#known.get(slot.index);
      const what = as === 'wiped' ? { isWiped: isDisguised } : { isReady: !isDisguised };
      if (known) this.#set(slot, { ...known, ...what });
    };
    change(true);
    return () => change(false);
  }

  /** Its process ends, and its Pod with it. */
  end(slot: Slot, how: 'evicted' | 'gone'): void {
    const uid = this.#known.get(slot.index)?.uid;
    slot.candidate?.process.kill();
    this.#known.delete(slot.index);
    this.#report(slot, uid, () => {
      if (how === 'gone') this.#world.cluster.deletePod(slot.podName);
      else this.#world.cluster.evictPod(slot.podName);
    });
  }

  #set(slot: Slot, known: Known): void {
    this.#known.set(slot.index, known);
    const { uid, restarts, current, last, isReady, isWiped } = known;
    const isRunning = current.finishedAt === undefined;
    const status = {
      name: NAME,
      containerID: current.id,
      ready: isRunning && isReady,
      restartCount: restarts,
      state: stateOf(current),
      lastState: last ? stateOf(last) : {},
    };
    const path = `/api/v1/namespaces/default/pods/${slot.podName}/status`;
    this.#report(slot, uid, () => {
      const body = { status: { containerStatuses: isWiped ? [] : [status] } };
      this.#world.cluster.request('PATCH', path, body, 'application/merge-patch+json');
    });
  }

  #report(slot: Slot, uid: string | undefined, say: () => void): void {
    this.#world.later(Number(this.#world.schedule.setting['kubeletLagMs'] ?? 0), () => {
      const pod = this.#world.cluster.getPod(slot.podName);
      if (pod?.metadata.uid === uid && pod?.status?.phase === 'Running') say();
    });
  }

  /** By the clock of its node. */
  #now({ setting }: Slot): string {
    const { wallOffsetMs } = (setting as LeaseSlot).clock;
    const ms = this.#world.clock.date().getTime() + wallOffsetMs;
    return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}
