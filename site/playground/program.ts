import { become, lead, type LeaseLeadership } from '../../lib/index.ts';
import type { Clock, PodIdentity, Transport } from '../../lib/testing/index.ts';
import { sleep } from '../../lib/platform/clock.ts';
import { ClientGoElector } from '../../spec/simulate/client-go.ts';
import { becomeByOperatorLib } from './operator-lib.ts';
import type { Rules } from './schedule.ts';

export interface ProgramOptions {
  readonly rules: Rules;
  readonly identity: PodIdentity;
  readonly clock: Clock;
  readonly transport: Transport;
  readonly onExit: (reason: string) => void;
}

/** The name of the lock, in every mode. */
export const LOCK = 'lock';

/** How long a leader's work takes to end. */
const STOP_MS = 300;

/** The program that runs in each Pod: it elects, and works while it leads, as the README shows. */
export class Program {
  readonly #options: ProgramOptions;
  readonly #stop = new AbortController();
  #leading: (() => boolean) | undefined;
  hasReleased = false;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#run().then(
      () => options.onExit('its work has ended'),
      (error: unknown) => options.onExit(error instanceof Error ? error.message : String(error)),
    );
  }

  /** Whether its work goes on, if the process runs. */
  get isLeading(): boolean {
    return this.#leading?.() ?? false;
  }

  /** As `SIGTERM`. */
  terminate(): void {
    this.#stop.abort(new Error('SIGTERM'));
  }

  #run(): Promise<void> {
    switch (this.#options.rules) {
      case 'become':
        return this.#become();
      case 'lead':
        return this.#lead();
      case 'operator-lib':
        return this.#operatorLib();
      case 'client-go':
        return this.#clientGo();
    }
  }

  async #become(): Promise<void> {
    const { identity, clock } = this.#options;
    const { signal } = this.#stop;
    const leadership = await become(LOCK, { ...identity, signal, guard: true });
    this.#leading = () => !leadership.signal.aborted;
    await Promise.race([aborted(signal), leadership.ended]);
    if (leadership.signal.aborted) throw new Error('the lock was taken away');
    await sleep(clock, STOP_MS);
    this.#leading = undefined;
    await leadership.release();
    this.hasReleased = true;
  }

  async #lead(): Promise<void> {
    const { identity, clock } = this.#options;
    const { signal } = this.#stop;
    const { kubeConfig, podName } = identity;
    const work = async (leadership: LeaseLeadership) => {
      this.#leading = () => leadership.remainingMs() > 0 || this.#isEnding;
      await aborted(leadership.signal);
      // The work of a lost lease must end at once; the lease of a stopping one is still held.
      if (signal.aborted) await this.#end(clock);
      this.#leading = undefined;
    };
    await lead(LOCK, work, { kubeConfig, identity: podName, signal }).finally(() => {
      this.hasReleased = signal.aborted;
    });
  }

  #isEnding = false;

  async #end(clock: Clock): Promise<void> {
    this.#isEnding = true;
    await sleep(clock, STOP_MS);
    this.#isEnding = false;
  }

  async #operatorLib(): Promise<void> {
    const { identity, clock, transport } = this.#options;
    const { signal } = this.#stop;
    const { podName, namespace } = identity;
    await becomeByOperatorLib(clock, transport, { lockName: LOCK, namespace, podName, signal });
    this.#leading = () => true;
    await aborted(signal);
    await sleep(clock, STOP_MS);
    this.#leading = undefined;
  }

  async #clientGo(): Promise<void> {
    const { identity, clock, transport } = this.#options;
    const { podName, namespace } = identity;
    const config = {
      ...{ identity: podName, name: LOCK, namespace, releaseOnCancel: true },
      ...{ leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 },
      requestTimeoutMs: 5_000,
    };
    const callbacks = {
      onStartedLeading: (work: AbortSignal) => {
        this.#leading = () => !work.aborted;
      },
      onStoppedLeading: () => (this.#leading = undefined),
    };
    const elector = new ClientGoElector(clock, transport, config, callbacks);
    await elector.run(this.#stop.signal);
    this.hasReleased = this.#stop.signal.aborted;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
