import type { LeaderElectionError } from '../errors.ts';
import type { LeaderMetrics } from '../events/metrics.ts';
import type { EventStream } from '../events/stream.ts';
import type { Api } from '../kubernetes/api.ts';
import { createEvent } from '../kubernetes/event.ts';
import { abortable, neverAborts } from '../platform/abort.ts';
import type { Clock } from '../platform/clock.ts';
import { withDeadline } from '../platform/deadline.ts';
import { messageOf } from '../platform/printable.ts';
import type { Lock } from '../protocol/model.ts';

/** A release waits no longer than this for its Kubernetes Event. */
const RECORDING_MS = 2_000;

export interface AnnouncerOptions {
  readonly events: EventStream;
  readonly api: Api;
  readonly clock: Clock;
  readonly lockName: string;
  readonly namespace: string;
  readonly podName: string;
  readonly metrics: LeaderMetrics | undefined;
  /** Whether to record Kubernetes Events. */
  readonly records: boolean;
}

/**
 * Reports that this Pod leads and, once, that it no longer does: by events, metrics and Kubernetes
 * Events.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  /** The lock with which this Pod leads. */
  #lock: Lock | undefined;
  #recorded: Promise<unknown> = Promise.resolve();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  waits(): void {
    this.#options.events.started();
    this.#measure('off');
  }

  leads(lock: Lock, waitedMs: number, takeoverMs: number | undefined): void {
    this.#lock = lock;
    const { resourceVersion: fencingToken } = lock;
    const what = `leading after ${Math.round(waitedMs)} ms`;
    const takeover = takeoverMs !== undefined && { takeoverMs };
    this.#options.events.emit({ type: 'leading', waitedMs, fencingToken, ...takeover }, what);
    this.#measure('on');
    this.#record('became leader', lock);
  }

  lost(error: LeaderElectionError): void {
    const lock = this.#stop();
    if (!lock) return;
    this.#options.events.emit({ type: 'lost', error }, error.message);
    this.#stopped(lock);
  }

  released(): void {
    const lock = this.#stop();
    if (!lock) return;
    const { events, podName } = this.#options;
    events.emit({ type: 'released' }, `released by Pod ${podName}`);
    this.#stopped(lock);
  }

  /** Resolves once every Kubernetes Event has been recorded, has failed, or has taken too long. */
  async recorded(): Promise<void> {
    if (!this.#options.records) return;
    const limit = withDeadline(this.#options.clock, neverAborts(), RECORDING_MS, () => undefined);
    await abortable(this.#recorded, limit.signal).catch(() => undefined);
    limit.end();
  }

  #stop(): Lock | undefined {
    const lock = this.#lock;
    this.#lock = undefined;
    return lock;
  }

  #stopped(lock: Lock): void {
    this.#measure('off');
    this.#record('stopped leading', lock);
  }

  #measure(state: 'on' | 'off'): void {
    const { events, metrics, lockName } = this.#options;
    events.call('metrics', 'metrics', () => metrics?.[state](lockName));
  }

  #record(what: string, lock: Lock): void {
    if (!this.#options.records) return;
    this.#recorded = Promise.all([this.#recorded, this.#tryToRecord(what, lock)]);
  }

  /** No election fails because an Event cannot be recorded. */
  async #tryToRecord(what: string, { uid, resourceVersion }: Lock): Promise<void> {
    const { api, clock, events, namespace, lockName, podName } = this.#options;
    const metadata = { namespace, name: lockName, uid, resourceVersion };
    const subject = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
    try {
      await createEvent(api, clock, subject, `${podName} ${what}`);
    } catch (error) {
      const lost = `the Event "${what}" could not be recorded`;
      events.degraded('event', `${lost}: ${messageOf(error)}`);
    }
  }
}
