import {
  type Check,
  annotationsExcept,
  checkBoolean,
  checkCallback,
  checkDuration,
  checkProperties,
  checkSignal,
  having,
  typed,
} from '../checks.ts';
import { reservedLeaseAnnotations } from '../kubernetes/holder-container.ts';
import { MAX_DELAY_MS } from '../platform/clock.ts';
import { invalidArgument } from '../errors.ts';
import {
  type ElectionSettings,
  type LabelOptions,
  type PlaceOptions,
  electionChecks,
  labelChecks,
  placeChecks,
} from '../options.ts';
import type { LeaderHealthzAdaptor } from './healthz.ts';
import { LeaseLock, checkCopy, checkIdentity } from './lease-lock.ts';
import { podChecks } from '../pod-options.ts';
import type { ResourceLock } from './resource-lock.ts';

/** The three times of an election. The defaults are client-go's. */
export interface Durations {
  /**
   * Milliseconds that others wait after they saw the last renewal, before they take over. Must be
   * whole seconds, because the Lease stores seconds. In a fleet with client-go, which compares
   * whole seconds, make it at least `renewDeadlineMs` + 1 s, and more than `retryPeriodMs` + 1 s.
   * @default 15_000
   */
  readonly leaseDurationMs?: number | undefined;
  /**
   * Milliseconds for which a renewal proves leadership, from before it was sent. One clock may run
   * faster than another by the ratio of `leaseDurationMs` to it.
   * @default 10_000
   */
  readonly renewDeadlineMs?: number | undefined;
  /**
   * Milliseconds between renewals, and between reads of a lock that cannot be watched.
   * @default 2_000
   */
  readonly retryPeriodMs?: number | undefined;
}

/** Options of both `lead` and `LeaderElector`. */
export interface LeaseElectionSettings extends Durations, ElectionSettings {
  /** Health check to tie to this election. */
  readonly watchDog?: LeaderHealthzAdaptor | undefined;
}

/** Callbacks of a `LeaderElector`. */
export interface LeaderCallbacks {
  /**
   * Called when this elector leads. Its promise is the work: `run` waits for it, for at most
   * `renewDeadlineMs` after the signal has aborted. The signal aborts when leadership ends. If the
   * work throws or rejects, the lease is released, and `run` rejects with that error. If it
   * returns, the elector keeps leading.
   */
  onStartedLeading(signal: AbortSignal): unknown;
  /** Called once for each `onStartedLeading`, after its work has settled or was given up. */
  onStoppedLeading(): unknown;
  /** Called once for each new holder of the lock, including this elector. */
  onNewLeader?(identity: string): void;
}

/** Follows client-go's `LeaderElectionConfig`. */
export interface LeaderElectionConfig extends LeaseElectionSettings {
  /** The lock to compete for: a `LeaseLock`, or another `ResourceLock`. */
  readonly lock: ResourceLock;
  readonly callbacks: LeaderCallbacks;
  /**
   * Whether to release the lease when the signal of `run` aborts, once the work has settled. If
   * false, others wait until the lease has expired.
   * @default false
   */
  readonly releaseOnCancel?: boolean | undefined;
  /**
   * Name in metrics and messages.
   * @default the lock's
   */
  readonly name?: string | undefined;
}

/** Options of `lead`. */
export interface LeadOptions extends LeaseElectionSettings, PlaceOptions, LabelOptions {
  /**
   * Identity of this elector, unique among all electors.
   * @default the Pod's name, else the host's, then `_` and a UUID
   */
  readonly identity?: string | undefined;
  /** Ends the wait, or the work. The Lease is released once the work has settled. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether to release the Lease when the signal aborts, once the work has settled. If the work
   * ends by itself, the Lease is released in any case.
   * @default true
   */
  readonly releaseOnCancel?: boolean | undefined;
  /**
   * Whether to campaign again after a loss or after stepping down, once the old work has settled.
   * @default false
   */
  readonly recampaign?: boolean | undefined;
}

/** The checked durations, with defaults. */
export type CheckedDurations = { readonly [K in keyof Durations]-?: number };

/** At least this many retry periods must fit into the renew deadline (client-go's constant). */
export const JITTER_FACTOR = 1.2;

/** client-go looks at a Lease at least every 2.2 retry periods, plus the time of a request. */
export const POLL_FACTOR = 2.5;

/** Throws a TypeError that names the first bad option and its value. */
export function checkConfig(config: unknown): CheckedDurations {
  const { lock, callbacks, ...rest } = checkProperties('config', config, configChecks);
  checkLock('config.lock', lock);
  checkCallbacks('config.callbacks', callbacks);
  for (const option of Object.keys(podChecks)) {
    if (rest[option] === undefined || lock instanceof LeaseLock) continue;
    throw invalidArgument(`config.${option}`, 'left out, unless lock is a LeaseLock', rest[option]);
  }
  return checkDurations('config', rest);
}

/** The same for the options of `lead`. */
export function checkLeadOptions(options: unknown): CheckedDurations {
  return checkDurations('options', checkProperties('options', options, leadChecks));
}

/** Checks client-go's rules, with defaults filled in. */
function checkDurations(what: string, given: Durations): CheckedDurations {
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2_000 } = given;
  if (renewDeadlineMs >= leaseDurationMs) {
    const expected = `less than leaseDurationMs (${leaseDurationMs})`;
    throw invalidArgument(`${what}.renewDeadlineMs`, expected, renewDeadlineMs);
  }
  if (retryPeriodMs * JITTER_FACTOR >= renewDeadlineMs) {
    const expected = `less than renewDeadlineMs (${renewDeadlineMs}) divided by ${JITTER_FACTOR}`;
    throw invalidArgument(`${what}.retryPeriodMs`, expected, retryPeriodMs);
  }
  return { leaseDurationMs, renewDeadlineMs, retryPeriodMs };
}

const checkLeaseDuration: Check = (name, value) => {
  const valid = typeof value === 'number' && value >= 1_000 && value % 1_000 === 0;
  if (!valid || value > MAX_DELAY_MS) {
    throw invalidArgument(name, 'a whole number of seconds, in milliseconds, at least 1000', value);
  }
};

const checkLock: Check = (name, value) => {
  having(['describe', 'get', 'create', 'update'], 'a LeaseLock or another ResourceLock')(
    name,
    value,
  );
  checkCopy(name, value);
  checkIdentity(`${name}.identity`, (value as ResourceLock).identity);
};

const checkCallbacks: Check = (name, value) => {
  const given = checkProperties(name, value, {
    onStartedLeading: checkCallback,
    onStoppedLeading: checkCallback,
    onNewLeader: checkCallback,
  });
  for (const key of ['onStartedLeading', 'onStoppedLeading'])
    checkCallback(`${name}.${key}`, given[key]);
};

const common = {
  leaseDurationMs: checkLeaseDuration,
  renewDeadlineMs: checkDuration,
  retryPeriodMs: checkDuration,
  releaseOnCancel: checkBoolean,
  ...electionChecks,
  watchDog: having(['check', 'setLeaderElection'], 'a LeaderHealthzAdaptor'),
};

const configChecks: Readonly<Record<keyof LeaderElectionConfig, Check>> = {
  ...common,
  lock: checkLock,
  callbacks: checkCallbacks,
  name: typed('string', 'a string'),
};

const leadChecks: Readonly<Record<keyof LeadOptions, Check>> = {
  ...common,
  ...placeChecks,
  identity: checkIdentity,
  signal: checkSignal,
  recampaign: checkBoolean,
  ...labelChecks,
  annotations: annotationsExcept(reservedLeaseAnnotations),
};
