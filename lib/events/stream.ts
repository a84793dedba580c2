import type { Clock } from '../platform/clock.ts';
import { nodeProcess } from '../platform/node-process.ts';
import { messageOf, printableLines } from '../platform/printable.ts';
import { Warnings } from '../platform/warnings.ts';
import {
  type ElectionEvent,
  type EventDetail,
  type EventListener,
  type EventSubject,
  levels,
} from './event.ts';

const diagnostics = nodeProcess?.getBuiltinModule?.('node:diagnostics_channel');
const published = diagnostics?.channel('leader-for-life');

export interface EventStreamOptions {
  readonly clock: Clock;
  readonly subject: EventSubject;
  readonly onEvent: EventListener | undefined;
  readonly log: (message: string) => void;
  readonly warn: (message: string, code: string) => void;
}

/**
 * Sends the events of one election to `onEvent`, to the channel `leader-for-life` of
 * `node:diagnostics_channel`, to the log of `debug` and, if something should be fixed, to the
 * process warnings. Nothing flows back: if `onEvent` throws, or a Kubernetes Event cannot be
 * recorded, there is a warning, and the election goes on.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #warnings: Warnings;
  #subject: EventSubject;
  #hasBegun = false;
  #recorded: Promise<unknown> = Promise.resolve();

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#subject = options.subject;
    this.#warnings = new Warnings(options.clock, options.warn);
  }

  /** Sets the place of the lock; without one, resets it. */
  locate(place: Pick<EventSubject, 'name' | 'namespace'> = this.#options.subject): void {
    const { name, namespace } = place;
    this.#subject = { ...this.#subject, name, namespace };
  }

  /** Also logs the event. */
  emit(detail: EventDetail, message: string): void {
    this.log(message);
    this.publish(detail, message);
  }

  /** There is an election. */
  started(): void {
    this.#hasBegun = true;
    this.publish({ type: 'started' }, 'competing');
  }

  /** There is no election. */
  skipped(): void {
    this.#hasBegun = true;
    this.emit({ type: 'skipped' }, 'there is no election, so this process leads');
  }

  /** An election that has not begun, for one that runs already, does not end either. */
  ended(): void {
    if (this.#hasBegun) this.publish({ type: 'ended' }, 'the election is over');
    this.#hasBegun = false;
  }

  failed(error: Error): void {
    this.emit({ type: 'failed', error }, messageOf(error));
  }

  /** The signal has ended the wait. */
  withdrawn(reason: unknown): void {
    this.emit({ type: 'withdrawn' }, `stopped waiting: ${messageOf(reason)}`);
  }

  /** Logs a message that is not an event. */
  log(message: string): void {
    this.#options.log(`${this.what}: ${message}`);
  }

  /**
   * Reports something that should be fixed, once per kind. Returns whether this was the first time.
   */
  degraded(kind: string, message: string): boolean {
    this.log(message);
    const code = this.#warnings.give(kind, message);
    if (code !== undefined) this.publish({ type: 'degraded', code }, message);
    return code !== undefined;
  }

  /** Reports work that goes on although its term has ended. */
  abandoned(error: Error): boolean {
    this.emit({ type: 'work-abandoned', error }, error.message);
    return this.#warnings.give('work-abandoned', error.message) !== undefined;
  }

  /** Reports a health check that has failed. */
  unhealthy(error: Error, failures: number): void {
    const what = `the health check has failed (${failures} in a row): ${messageOf(error)}`;
    this.emit({ type: 'unhealthy', error, failures }, what);
  }

  /** Reports a health check that has passed again. */
  healthy(): void {
    this.emit({ type: 'healthy' }, 'the health check has passed again');
  }

  /** Reports a request that has failed and is retried. */
  trouble(error: Error): void {
    this.emit({ type: 'trouble', error }, messageOf(error));
    this.lasts(error);
  }

  /** Warns once if no request has succeeded for long. */
  lasts(error: Error): void {
    if (!this.#warnings.failed()) return;
    this.degraded('trouble', `${this.what}: still trying: ${messageOf(error)}`);
  }

  /** A request has succeeded. */
  succeeded(): void {
    if (!this.#warnings.succeeded()) return;
    this.publish({ type: 'recovered' }, 'requests succeed again');
  }

  /** Starts to record a Kubernetes Event; no election waits for one. */
  record(what: string, write: () => Promise<void> | undefined): void {
    const recording = this.#tryToRecord(what, write);
    // Without the results of all that came before.
    this.#recorded = this.#recorded.then(() => recording);
  }

  /** Resolves once every Kubernetes Event has been recorded, or has failed. */
  async recorded(): Promise<void> {
    await this.#recorded;
  }

  /** Calls a callback of the user. What it throws, or rejects with, is reported once. */
  call(kind: string, name: string, callback: () => unknown): void {
    const onError = (error: unknown) => {
      this.degraded(kind, `${name} threw: ${messageOf(error)}`);
    };
    try {
      const result = callback();
      if (result instanceof Promise) result.catch(onError);
    } catch (error) {
      onError(error);
    }
  }

  /** The lock, for messages. */
  get what(): string {
    const { name, namespace } = this.#subject;
    return namespace === '' ? name : `${namespace}/${name}`;
  }

  /** To everything but the log, which would say the same twice. */
  publish(detail: EventDetail, message: string): void {
    const { onEvent } = this.#options;
    if (!onEvent && !published?.hasSubscribers) return;
    const event: ElectionEvent = {
      ...this.#subject,
      ...detail,
      level: levels[detail.type],
      message: printableLines(message),
    };
    if (published?.hasSubscribers) published.publish(event);
    if (onEvent) {
      this.call('on-event', 'onEvent', () => onEvent(event));
    }
  }

  async #tryToRecord(what: string, write: () => Promise<void> | undefined): Promise<void> {
    try {
      await write();
    } catch (error) {
      const lost = `the Event "${what}" could not be recorded`;
      this.degraded('event', `${this.what}: ${lost}: ${messageOf(error)}`);
    }
  }
}
