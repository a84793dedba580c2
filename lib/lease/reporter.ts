import type { Clock } from '../clock.ts';
import { LeaderElectionError } from '../errors.ts';
import { SilentWatchError } from '../kubernetes/watch.ts';
import { createLog } from '../log.ts';
import type { LockVersion } from '../protocol/lease-record.ts';
import { type State, holderOf } from '../protocol/lease.ts';
import { printable } from '../printable.ts';
import { Warnings } from '../warnings.ts';
import type { CampaignObserver } from './campaign.ts';
import type { OpenLock } from './open-lock.ts';
import type { LeaderMetrics } from './options.ts';

const log = createLog('lease');

export interface ReporterOptions {
  readonly clock: Clock;
  /** For metrics. */
  readonly name: string;
  readonly metrics: LeaderMetrics | undefined;
  readonly onNewLeader: ((identity: string) => void) | undefined;
  readonly warn: (message: string, code: string) => void;
}

/** Tells people what happens: the log, metrics, Events, `onNewLeader`, a few warnings, each once. */
export class Reporter implements CampaignObserver {
  readonly #options: ReporterOptions;
  readonly #warnings: Warnings;
  #recorded: Promise<void> = Promise.resolve();
  #lock: OpenLock | undefined;
  /** Why the last request failed; undefined once one has succeeded. */
  trouble: unknown;
  /** The holder that was observed last; empty for nobody. */
  leader = '';

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#warnings = new Warnings(options.clock, (message, code) => {
      options.warn(message, code);
    });
    this.#call('metrics', () => options.metrics?.off(options.name));
  }

  /** From now on this is about that lock; undefined where nothing is elected. */
  attend(lock: OpenLock | undefined): void {
    this.#lock = lock;
  }

  onState(state: State, trouble: unknown): void {
    this.#noteTrouble(state.failures, trouble);
    if (state.namesake) this.#noteNamesake(state);
    if (state.phase === 'leading') this.#noteDuration(state);
    this.onLeader(holderOf(state));
  }

  #noteNamesake({ settings, version }: State): void {
    const isNew = this.#warn(
      'same-identity',
      `Lease ${this.#what}: it was written under the identity ${printable(settings.identity)}, but not by this ` +
        'process. Another process competes under the same identity, and both may have led at the ' +
        'same time. Give each process an identity of its own, or leave identity out: its default ' +
        'is unique.',
    );
    if (isNew && version) this.#record('shares its identity with another process', version);
  }

  #noteDuration({ written, settings }: State): void {
    const seconds = settings.leaseDurationMs / 1_000;
    const stored = written?.record.leaseDurationSeconds ?? seconds;
    if (stored === seconds) return;
    this.#warn(
      'lease-duration',
      `Lease ${this.#what} was stored with a duration of ${stored} s instead of ${seconds} s: probably ` +
        'an admission webhook changes it. Others wait for as long as is stored, so ' +
        (stored < seconds
          ? 'this leader renews more often, and stops earlier if it cannot.'
          : 'they take over later after a crash.'),
    );
  }

  onLeader(identity: string): void {
    if (identity === this.leader) return;
    this.leader = identity;
    this.log(identity === '' ? 'nobody leads' : `${identity} leads`);
    if (identity === '') return;
    this.#call('onNewLeader', () => this.#options.onNewLeader?.(identity));
  }

  onSlowPath(): void {
    const { metrics, name } = this.#options;
    this.#call('metrics', () => metrics?.slowpathExercised(name));
  }

  onUnwatched(error: unknown): void {
    this.log(`not watched: ${describe(error)}`);
    const polled =
      `The election of ${this.#what} goes on without: the lock is polled ` +
      'instead of watched, so taking it over takes longer.';
    if (error instanceof LeaderElectionError) this.#warn('degraded', `${error.message}\n${polled}`);
    if (error instanceof SilentWatchError) {
      this.#warn('silent-watch', `${error.message}. ${polled}`);
    }
  }

  /** Something of a term goes on after its end. */
  onAbandoned(message: string, version: LockVersion | undefined): void {
    const isNew = this.#warn('work-abandoned', message);
    if (isNew && version) this.#record('gave up work that had not ended', version);
  }

  onShortWork(tookMs: number): void {
    this.#warn(
      'short-work',
      `The work for Lease ${this.#what} returned ${Math.round(tookMs)} ms after its start, so the ` +
        'Lease was released and the next replica begins the same work. If the work has only started ' +
        'something, a controller perhaps, return a promise that settles when that has ended. If the ' +
        'work was done so soon, return a value from it, and this warning does not come. It comes ' +
        'once per process.',
    );
  }

  onStarted(version: LockVersion): void {
    const { metrics, name } = this.#options;
    this.#call('metrics', () => metrics?.on(name));
    this.#record('became leader', version);
  }

  onStopped(version: LockVersion): void {
    const { metrics, name } = this.#options;
    this.#call('metrics', () => metrics?.off(name));
    this.#record('stopped leading', version);
  }

  log(message: string): void {
    log(`${this.#what}: ${message}`);
  }

  get #what(): string {
    return this.#lock?.describe() ?? this.#options.name;
  }

  /** Resolves once every Event is recorded, or could not be. */
  recorded(): Promise<void> {
    return this.#recorded;
  }

  /** No election waits for an Event, or fails for want of one. */
  #record(what: string, version: LockVersion): void {
    const recorded = this.#tryToRecord(what, version);
    this.#recorded = this.#recorded.then(() => recorded);
  }

  async #tryToRecord(what: string, version: LockVersion): Promise<void> {
    try {
      await this.#lock?.recordEvent?.(what, version);
    } catch (error) {
      const lost = `the Event "${what}" could not be recorded`;
      this.#warn('event', `${this.#what}: ${lost}: ${describe(error)}`);
    }
  }

  /** Trouble lasts until a request succeeds. */
  #noteTrouble(failures: number, trouble: unknown): void {
    if (failures === 0) {
      this.trouble = undefined;
      this.#warnings.succeeded();
    }
    if (trouble === undefined) return;
    this.trouble = trouble;
    this.log(describe(trouble));
    if (!this.#warnings.failed()) return;
    const message = `${this.#what}: still trying: ${describe(trouble)}`;
    this.#warn('trouble', message);
  }

  /** What users' code throws changes nothing. */
  #call(what: string, callback: () => void): void {
    try {
      callback();
    } catch (error) {
      this.#warn(what, `${what} threw: ${describe(error)}`);
    }
  }

  #warn(kind: string, message: string): boolean {
    this.log(message);
    return this.#warnings.give(kind, message);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
