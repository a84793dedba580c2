import {
  FIRST_RECOUNT_MS,
  MAX_RECOUNT_MS,
  countReplicas,
  replicaSelector,
} from '../kubernetes/crowd.ts';
import { hasSeveral, runningContainer } from '../kubernetes/holder-container.ts';
import type { OwnContainer } from '../kubernetes/identity.ts';
import { abortable, aborted } from '../platform/abort.ts';
import { sleep } from '../platform/clock.ts';
import type { Elections } from '../platform/elections.ts';
import { createLog } from '../platform/log.ts';
import type { HolderContainer } from '../protocol/lease/record.ts';
import { type PodReader, podVerdict } from './pod-verdict.ts';

const log = createLog('workplace');

/** What a process needs to learn where it runs. */
export interface WorkplaceOptions {
  readonly server: string;
  readonly namespace: string;
  readonly pod: OwnContainer;
  /** With another one, there may be other rights. */
  readonly kubeConfig: unknown;
  /** Opens a connection of the workplace's own, which outlives the elector that asks first. */
  readonly open: () => Promise<PodReader>;
}

/**
 * The container in which this process runs, and the number of its replicas, as Pods tell. All electors
 * of a process share one: it goes on from the first that asks until the last has left.
 */
export class Workplace {
  readonly #options: WorkplaceOptions;
  readonly #places: Set<Workplace>;
  #members = 0;
  #container: HolderContainer | undefined;
  #candidateCount: number | undefined;
  #identified: Promise<boolean> | undefined;
  readonly #closed = new AbortController();

  private constructor(options: WorkplaceOptions, places: Set<Workplace>) {
    this.#options = options;
    this.#places = places;
    places.add(this);
  }

  /** The workplace of electors with these options. Each one that joins it has to leave. */
  static join(elections: Elections, options: WorkplaceOptions): Workplace {
    const places = processes.get(elections) ?? new Set<Workplace>();
    processes.set(elections, places);
    const known = [...places].find((place) => place.#isOf(options));
    const place = known ?? new Workplace(options, places);
    place.#members += 1;
    return place;
  }

  /** Undefined until it is known. */
  get container(): HolderContainer | undefined {
    return this.#container;
  }

  /** Undefined until they are counted. */
  get candidateCount(): number | undefined {
    return this.#candidateCount;
  }

  /** Resolves with whether the container is known, once that is certain. */
  identify(signal: AbortSignal): Promise<boolean> {
    this.#identified ??= this.#identify();
    return abortable(this.#identified, signal).catch(() => false);
  }

  leave(): void {
    this.#members -= 1;
    if (this.#members > 0) return;
    this.#places.delete(this);
    this.#closed.abort();
  }

  #isOf({ server, namespace, pod, kubeConfig }: WorkplaceOptions): boolean {
    const own = this.#options;
    const isThere = own.server === server && own.namespace === namespace;
    const isPod = own.pod.uid === pod.uid && own.pod.containerName === pod.containerName;
    return isThere && isPod && own.kubeConfig === kubeConfig;
  }

  async #identify(): Promise<boolean> {
    const { pod, open } = this.#options;
    const { signal } = this.#closed;
    const reader = await open();
    void aborted(signal).then(() => reader.api.close());
    const since = reader.clock.date().toISOString();
    let selector: string | undefined;
    try {
      const verdict = await podVerdict(reader, pod, signal, (found) => {
        if (found === 'absent') return 'no';
        selector ??= replicaSelector(found);
        if (pod.containerName === undefined && hasSeveral(found)) return 'no';
        const running = runningContainer(found, pod.containerName);
        if (!running) return 'undecided';
        this.#container = { podName: pod.name, podUid: pod.uid, ...running, since };
        return 'yes';
      });
      if (selector !== undefined) void this.#count(reader, selector);
      return verdict === 'yes';
    } catch (error) {
      log(`it is not known which container this is: ${String(error)}`);
      return false;
    }
  }

  /** Counts now and then. A failure does not matter: the number only saves the API server work. */
  async #count({ api, clock, namespace }: PodReader, selector: string): Promise<void> {
    const { signal } = this.#closed;
    let validMs = FIRST_RECOUNT_MS;
    try {
      while (!signal.aborted) {
        const counting = countReplicas(api, namespace, selector, signal);
        this.#candidateCount = await counting.catch((error: unknown) => {
          if (!api.isTransient(error)) throw error;
          return this.#candidateCount;
        });
        await sleep(clock, validMs, signal);
        validMs = Math.min(2 * validMs, MAX_RECOUNT_MS);
      }
    } catch (error) {
      if (!signal.aborted) log(`the candidates are not counted: ${String(error)}`);
    }
  }
}

const processes = new WeakMap<Elections, Set<Workplace>>();
