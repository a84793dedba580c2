import type { LeadOptions, LeaderElectionConfig } from '../../lib/lease/config.ts';
import { LeaderElector } from '../../lib/lease/elector.ts';
import { type LeaseLeadership, leadOn } from '../../lib/lease/lead.ts';
import { LeaseLock, type LeaseLockOptions } from '../../lib/lease/lease-lock.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';
import { Line } from './line.ts';
import { type ClockOptions, ProcessClock } from './process-clock.ts';

/** What is renewed every two seconds, by default. */
export const DURATIONS = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

/** A process with its own clock and its own line to the cluster. Its name is its user's, too. */
export class LeaseProcess {
  readonly name: string;
  readonly simulation: Simulation;
  readonly clock: ProcessClock;
  readonly line: Line;
  readonly platform: SimulatedSurroundings;

  constructor(simulation: Simulation, name: string, options: ClockOptions = {}) {
    this.name = name;
    this.simulation = simulation;
    this.clock = new ProcessClock(simulation.clock, options);
    this.line = new Line(simulation.clock);
    this.platform = new SimulatedSurroundings(simulation, name, this.clock, (transport) =>
      this.line.carry(transport),
    );
  }

  get isAlive(): boolean {
    return this.platform.isAlive;
  }

  /** How many of its requests the cluster has seen. */
  get requests(): number {
    return this.simulation.cluster.requests.count({ user: this.name });
  }

  /** What is left running: nothing, in the end. */
  get remains(): { readonly timers: number; readonly requests: number } {
    return { timers: this.clock.pending, requests: this.line.underWay };
  }

  /** Its identity is its name. */
  lead<T>(
    work: (leadership: LeaseLeadership) => T | PromiseLike<T>,
    options: LeadOptions = {},
    leaseName = 'lock',
  ): Promise<T> {
    const given = { kubeConfig, namespace: 'default', identity: this.name, ...options };
    const result = leadOn(this.platform, leaseName, work, given);
    result.catch(() => undefined);
    return result;
  }

  /** An elector in this process, for a Lease. */
  elector(
    config: Partial<LeaderElectionConfig> = {},
    lock: Partial<LeaseLockOptions> = {},
  ): LeaderElector {
    const given = { kubeConfig, namespace: 'default', identity: this.name, name: 'lock', ...lock };
    const callbacks = { onStartedLeading: () => undefined, onStoppedLeading: () => undefined };
    const complete = { lock: new LeaseLock(given), callbacks, ...config };
    return new LeaderElector(complete, this.platform);
  }

  /** It ends; what it has sent may yet be carried out. */
  kill(): void {
    this.stop();
    this.platform.kill();
  }

  /** As `SIGSTOP`. */
  stop(): void {
    this.clock.stop();
    this.line.hold();
  }

  /** As `SIGCONT`. What has arrived in the meantime is read first or last. */
  async continue({ readFirst = false } = {}): Promise<void> {
    if (!this.isAlive) return;
    if (readFirst) {
      this.line.release();
      await this.simulation.clock.settle();
    }
    this.clock.continue();
    this.line.release();
  }

  /** Its machine sleeps. */
  suspend(): void {
    this.clock.suspend();
    this.line.hold();
  }

  /** It wakes up again. */
  resume(): void {
    this.clock.resume();
    this.line.release();
  }
}

/** Work that lasts until its signal aborts. */
export function untilAborted({ signal }: { readonly signal: AbortSignal }): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  if (signal.aborted) resolve(signal.reason);
  signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  return promise;
}

/** How a promise stands, without waiting for it. */
export class Outcome<T> {
  state: 'pending' | 'resolved' | 'rejected' = 'pending';
  value: T | undefined;
  error: unknown;
  readonly promise: Promise<T>;

  constructor(promise: Promise<T>) {
    this.promise = promise;
    promise.then(
      (value) => {
        this.state = 'resolved';
        this.value = value;
      },
      (error: unknown) => {
        this.state = 'rejected';
        this.error = error;
      },
    );
  }

  get isPending(): boolean {
    return this.state === 'pending';
  }
}
