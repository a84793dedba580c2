import type { Api } from '../kubernetes/api.ts';
import {
  FIRST_RECOUNT_MS,
  MAX_RECOUNT_MS,
  countReplicas,
  replicaSelector,
} from '../kubernetes/crowd.ts';
import { hasEnded, hasSeveral, runningContainer } from '../kubernetes/holder-container.ts';
import type { OwnContainer } from '../kubernetes/identity.ts';
import { type Json, child, text } from '../kubernetes/json.ts';
import { getPod, podsPath } from '../kubernetes/pod.ts';
import { ObjectWatch } from '../kubernetes/watch.ts';
import { linked } from '../platform/abort.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import { createLog } from '../platform/log.ts';
import type { HolderContainer } from '../protocol/lease/record.ts';
import type { PodIdentity } from '../protocol/model.ts';

const MAX_BACKOFF_MS = 16_000;

const log = createLog('evidence');

/**
 * What Pods say about the processes of electors. All of it is optional: without the right to read
 * Pods there is no evidence, and a dead leader's Lease expires.
 */
export class Evidence {
  readonly #api: Api;
  readonly #clock: Clock;
  readonly #namespace: string;
  #isForbidden = false;
  #own: HolderContainer | undefined;
  #candidateCount: number | undefined;
  #isCounting = false;
  readonly #closed = new AbortController();

  constructor(api: Api, clock: Clock, namespace: string) {
    this.#api = api;
    this.#clock = clock;
    this.#namespace = namespace;
  }

  /** The container in which this process runs, once it is known. */
  get own(): HolderContainer | undefined {
    return this.#own;
  }

  /** The number of replicas of this process's Pod, once it is known. */
  get candidateCount(): number | undefined {
    return this.#candidateCount;
  }

  /** Resolves with whether the container of this process has become known. */
  async identify(
    { name, uid, containerName }: OwnContainer,
    signal: AbortSignal,
  ): Promise<boolean> {
    const since = this.#clock.date().toISOString();
    let selector: string | undefined;
    const isKnown = await this.#watch({ name, uid }, signal, (pod) => {
      if (pod === 'absent') return 'never';
      selector ??= replicaSelector(pod);
      if (containerName === undefined && hasSeveral(pod)) return 'never';
      const running = runningContainer(pod, containerName);
      if (!running) return 'not yet';
      this.#own = { podName: name, podUid: uid, ...running, since };
      return 'now';
    });
    if (selector !== undefined && !this.#isCounting) {
      this.#isCounting = true;
      void this.#count(selector, this.#closed.signal);
    }
    return isKnown;
  }

  /** Ends the counting, which goes on from campaign to campaign. */
  close(): void {
    this.#closed.abort();
  }

  /** Counts now and then. A failure does not matter: the number only saves the API server work. */
  async #count(selector: string, signal: AbortSignal): Promise<void> {
    let validMs = FIRST_RECOUNT_MS;
    try {
      while (!signal.aborted) {
        const counting = countReplicas(this.#api, this.#namespace, selector, signal);
        this.#candidateCount = await counting.catch((error: unknown) => {
          if (!this.#api.isTransient(error)) throw error;
          return this.#candidateCount;
        });
        await sleep(this.#clock, validMs, signal);
        validMs = Math.min(2 * validMs, MAX_RECOUNT_MS);
      }
    } catch (error) {
      if (!signal.aborted) log(`the candidates are not counted: ${String(error)}`);
    }
  }

  /** Resolves with whether the container has ended, as soon as the API server says so. */
  ended(container: HolderContainer, signal: AbortSignal): Promise<boolean> {
    const { podName: name, podUid: uid } = container;
    const judge = (pod: Json | 'absent') => (hasEnded(pod, container) ? 'now' : 'not yet');
    return this.#watch({ name, uid }, signal, judge);
  }

  /**
   * Watches a Pod until `when` says `now`; it is asked about this Pod only. Resolves with false if it
   * says `never`, if the Pod may not be read, and when the signal aborts.
   */
  async #watch(
    { name, uid }: PodIdentity,
    outer: AbortSignal,
    when: (pod: Json | 'absent') => 'now' | 'not yet' | 'never',
  ): Promise<boolean> {
    if (this.#isForbidden) return false;
    const { controller, end } = linked(outer);
    const { signal } = controller;
    let answer = 'not yet';
    const judge = (pod: Json | 'absent') => {
      if (!signal.aborted) answer = when(pod);
      if (answer !== 'not yet') controller.abort();
    };
    const isIt = (pod: Json) => text(child(pod, 'metadata'), 'uid') === uid;
    const refused = (error: unknown) => {
      if (signal.aborted) return;
      log(`there is no evidence from Pod ${name}: ${String(error)}`);
      this.#isForbidden = true;
      controller.abort();
    };
    const read = async () => {
      const get = () => getPod(this.#api, this.#namespace, name, signal, (object) => object);
      const pod = await this.#api.retry(get, { signal, maxBackoffMs: MAX_BACKOFF_MS });
      if (pod !== 'absent') watch.expect();
      judge(pod !== 'absent' && isIt(pod) ? pod : 'absent');
    };
    const look = () => void read().catch(refused);
    const target = { path: podsPath(this.#namespace), name };
    const listener = {
      // A watch does not show that a Pod is missing.
      onOpen: look,
      // An event about another Pod of the name may be old, so it only asks for a look.
      onEvent: (type: string, pod: Json) => {
        if (isIt(pod)) judge(type === 'DELETED' ? 'absent' : pod);
        else look();
      },
      onLost: () => undefined,
      onRefused: refused,
    };
    const watch = new ObjectWatch(this.#api, this.#clock, target, listener, MAX_BACKOFF_MS);
    await watch.run(signal);
    end();
    return answer === 'now';
  }
}
