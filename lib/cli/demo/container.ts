import { become, lead } from '../../index.ts';
import type { Cluster, SimulatedClock } from '../../testing/index.ts';
import type { Entry } from './timeline.ts';

export type Mode = 'life' | 'lease';

/** What the containers share: the cluster, and the list of what happened. */
export interface Surroundings {
  readonly mode: Mode;
  readonly clock: SimulatedClock;
  readonly cluster: Cluster;
  readonly entries: Entry[];
}

type Common = Parameters<typeof become>[1] & { readonly signal: AbortSignal };

/** Name of the lock, in both modes. */
const LOCK = 'demo';
/** How long a container takes to start. */
const START_MS = 300;

/** The process in a Pod's container: it elects, and works while it leads. */
export class Container {
  readonly pod: string;
  readonly #surroundings: Surroundings;
  readonly #run: string;
  readonly #stop = new AbortController();
  #isAlive = true;

  constructor(surroundings: Surroundings, pod: string) {
    this.pod = pod;
    this.#surroundings = surroundings;
    this.#run = `${pod}/${surroundings.entries.length}`;
    this.#say('start');
    // An election that fails has told why before.
    surroundings.clock.after(START_MS, () => void this.#elect().catch(() => undefined));
  }

  /** As SIGTERM: it ends its work, gives the lock up, and exits. */
  stop(): void {
    this.#stop.abort();
  }

  /** As SIGKILL. */
  kill(): void {
    this.#say('gone');
    this.#isAlive = false;
    this.cutOff();
  }

  /** From now on none of its requests reaches the API server. */
  cutOff(): void {
    const { faults } = this.#surroundings.cluster;
    faults.add({ user: this.#run, hang: true });
    faults.cutWatches({ user: this.#run });
  }

  #say(event: string, reason = ''): void {
    if (!this.#isAlive) return;
    const { entries, clock } = this.#surroundings;
    entries.push({ event, reason, pod: this.pod, run: this.#run, atMs: clock.now() });
  }

  async #elect(): Promise<void> {
    const { mode, cluster } = this.#surroundings;
    const user = this.#run;
    const common = {
      // With a transport of its own, it is a process of its own.
      ...cluster.optionsFor(this.pod, { user, transport: cluster.transport({ user }) }),
      signal: this.#stop.signal,
      onWaiting: ({ reason }: { readonly reason: string }) => this.#say('waiting', reason),
    };
    await (mode === 'life' ? this.#leadForLife(common) : this.#leadByLease(common));
    this.#say('gone');
  }

  async #leadForLife(options: Common): Promise<void> {
    const leadership = await become(LOCK, options);
    this.#say('leading');
    await aborted(options.signal);
    this.#say('releasing');
    await leadership.release();
  }

  async #leadByLease({ podName, kubeConfig, signal, onWaiting }: Common): Promise<void> {
    const options = { kubeConfig, identity: podName, signal, onWaiting };
    const work = async (leadership: { readonly signal: AbortSignal }) => {
      this.#say('leading');
      await aborted(leadership.signal);
      this.#say(signal.aborted ? 'releasing' : 'lost');
    };
    // After a loss it competes again.
    while (!signal.aborted) await lead(LOCK, work, options).catch(() => undefined);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}
