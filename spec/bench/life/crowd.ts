import { setTimeout as sleep } from 'node:timers/promises';
import { become } from 'leader-for-life';

import { BareClient } from '../../scenarios/app/bare-client.ts';
import { Arena, type Cause, type PodIdentity, type Target, kubeConfigOf } from '../arena.ts';
import type { AuditedRequest } from '../audit-log.ts';
import { handoversOf } from '../takeovers.ts';
import { until } from '../until.ts';

const LOCK = 'lock';
const OK = 200;

/** How many candidates start at the same time; more would only measure how they start. */
const BATCH = 50;

/** A handover as the API server saw it, on its own clock. */
export interface Handover {
  /** From the Pod's deletion or end to the deletion of its lock. */
  readonly freedMs: number;
  /** From the lock's deletion to its creation. */
  readonly takenMs: number;
  /** The Pod that owns the lock now. */
  readonly leaderUid: string;
  /** Requests for locks until all candidates wait again, refused ones included. */
  readonly creates: number;
  readonly deletes: number;
}

/** One candidate in this process. */
interface Candidate {
  readonly pod: PodIdentity;
  /** Resolves when it leads; rejects when it cannot. */
  readonly leads: Promise<unknown>;
  readonly stop: () => void;
}

/** Tells when a candidate is ready to take over from that Pod. */
type OnAwaited = (leaderUid: string) => void;

/** An implementation of leader election, whose candidates run in this process. */
export interface Contender {
  readonly name: string;
  /** The ways of losing a leader that it copes with. */
  readonly causes: readonly Cause[];
  start(namespace: string, kubeconfig: string, pod: PodIdentity, onAwaited: OnAwaited): Candidate;
}

/** This library. */
export const becomeContender: Contender = {
  name: 'become',
  causes: ['deleted', 'ended'],
  start(namespace, kubeconfig, pod, onAwaited) {
    const stop = new AbortController();
    const leads = become(LOCK, {
      kubeConfig: kubeConfigOf(kubeconfig),
      namespace,
      podName: pod.name,
      podUid: pod.uid,
      signal: stop.signal,
      onWaiting: ({ reason, holderUid = '', holderPhase }) => {
        // Once the phase is known, everything is read and watched.
        if (reason === 'held' && holderPhase !== undefined) onAwaited(holderUid);
      },
    });
    return { pod, leads, stop: () => stop.abort(new Error('the benchmark is over')) };
  },
};

/** The floor. */
export const bareContender: Contender = {
  name: 'bare client',
  causes: ['deleted'],
  start(namespace, kubeconfig, pod, onAwaited) {
    const config = kubeConfigOf(kubeconfig);
    const { server = '', caData } = config.getCurrentCluster() ?? {};
    const client = new BareClient({
      url: new URL(server),
      token: config.getCurrentUser()?.token ?? '',
      ca: caData && Buffer.from(caData, 'base64').toString(),
      namespace,
      lockName: LOCK,
      pod,
      onHeld: ({ uid }) => onAwaited(uid),
    });
    return { pod, leads: client.leads, stop: () => client.stop() };
  },
};

/** Candidates of one contender in this process, whose Pods no kubelet runs. */
export class Crowd {
  readonly contender: Contender;
  readonly #arena: Arena;
  readonly #start: (pod: PodIdentity) => Candidate;
  readonly #candidates = new Map<string, Candidate>();
  /** The Pod that each candidate waits for, by its own. */
  readonly #awaited = new Map<string, string>();
  #failure: Error | undefined;
  #leader: Candidate | undefined;

  private constructor(arena: Arena, contender: Contender, kubeconfig: string) {
    this.contender = contender;
    this.#arena = arena;
    this.#start = (pod) => {
      const onAwaited: OnAwaited = (uid) => this.#awaited.set(pod.uid, uid);
      const candidate = contender.start(arena.namespace, kubeconfig, pod, onAwaited);
      candidate.leads.catch((error: unknown) => (this.#failure ??= error as Error));
      this.#candidates.set(pod.uid, candidate);
      return candidate;
    };
  }

  /** All Pods are there before the first candidate starts, as in a Deployment that has been up. */
  static async gather(target: Target, contender: Contender, size: number): Promise<Crowd> {
    const arena = await Arena.open(target);
    const { kubeconfig } = await arena.credential();
    const [first, ...others] = await arena.createPods(size);
    if (!first) throw new RangeError('a crowd needs a candidate');
    const crowd = new Crowd(arena, contender, kubeconfig);
    const leader = crowd.#start(first);
    await leader.leads;
    crowd.#leader = leader;
    for (let start = 0; start < others.length; start += BATCH) {
      others.slice(start, start + BATCH).forEach(crowd.#start);
      await crowd.#settled();
    }
    return crowd;
  }

  /** Ends the leader's Pod; resolves when all others wait again, one more among them. */
  async handOver(cause: Cause): Promise<Handover> {
    const { log } = this.#arena;
    const old = this.#leader;
    if (!old) throw new Error('no candidate leads');
    // Its process is gone before its Pod is.
    old.stop();
    this.#candidates.delete(old.pod.uid);
    log.skip();
    await this.#arena.endPod(old.pod, cause);
    const times = await until(`a candidate follows ${old.pod.name}`, () =>
      timesOf(log.read(), old.pod.name),
    );
    const leaderUid = (await this.#arena.holderUid(LOCK)) ?? '';
    this.#leader = this.#candidates.get(leaderUid);
    if (!this.#leader) throw new Error(`the Pod that leads (${leaderUid}) has no candidate`);
    await this.#leader.leads;
    await this.#settled();
    const count = (verb: string) =>
      log.read().filter(({ resource, ...of }) => resource === 'configmaps' && of.verb === verb)
        .length;
    const handover = { ...times, leaderUid, creates: count('create'), deletes: count('delete') };
    // Candidates would count what is left of it as one of them.
    if (cause === 'ended') await this.#arena.deletePod(old.pod.name);
    (await this.#arena.createPods(1)).forEach(this.#start);
    await this.#settled();
    return handover;
  }

  stop(): void {
    for (const candidate of this.#candidates.values()) candidate.stop();
  }

  /** Resolves when all candidates wait for the leader, and no request is under way. */
  async #settled(): Promise<void> {
    const { log, target } = this.#arena;
    const leader = this.#leader?.pod.uid;
    const waiting = [...this.#candidates.keys()].filter((uid) => uid !== leader);
    await until('all candidates wait', () => {
      if (this.#failure) throw this.#failure;
      return waiting.every((uid) => this.#awaited.get(uid) === leader) || undefined;
    });
    for (let seen = -1; seen !== log.read().length;) {
      seen = log.read().length;
      await sleep(target.isModel ? 150 : 500);
    }
  }
}

/** Once the audit log has the end of the Pod, that of its lock, and the new lock. */
function timesOf(
  requests: readonly AuditedRequest[],
  pod: string,
): Pick<Handover, 'freedMs' | 'takenMs'> | undefined {
  const ended = requests.find(
    ({ verb, resource, name }) =>
      ['delete', 'patch'].includes(verb) && resource === 'pods' && name === pod,
  );
  const freed = requests.find(
    ({ verb, resource, name, status }) =>
      verb === 'delete' && resource === 'configmaps' && name === LOCK && status === OK,
  );
  const [takenMs] = handoversOf(requests, LOCK);
  if (!ended || !freed || takenMs === undefined) return undefined;
  return { freedMs: freed.answeredTime - ended.answeredTime, takenMs };
}
