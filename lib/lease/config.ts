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
import { checkCopy, checkIdentity } from './lease-lock.ts';
import type { ResourceLock } from './resource-lock.ts';

/** The three times of an election. The defaults are client-go's. */
export interface Durations {
  /**
   * How long others wait, in milliseconds, after they saw the last renewal, before they take over.
   * A whole number of seconds, for it is stored as such. In a fleet with client-go, which
   * compares whole seconds: at least `renewDeadlineMs` + 1 s, and more than `retryPeriodMs` + 1 s.
   * @default 15_000
   */
  readonly leaseDurationMs?: number | undefined;
  /**
   * How long a renewal counts for the leader, in milliseconds, from before it was sent. The ratio
   * of the lease's duration to it is by how much one clock may run faster than another.
   * @default 10_000
   */
  readonly renewDeadlineMs?: number | undefined;
  /**
   * Milliseconds between renewals, and between looks at a lock that cannot be watched.
   * @default 2_000
   */
  readonly retryPeriodMs?: number | undefined;
}

/** What `lead` and `LeaderElector` have in common. */
export interface LeaseElectionSettings extends Durations, ElectionSettings {
  /** Is tied to this elector. */
  readonly watchDog?: LeaderHealthzAdaptor | undefined;
}

/** What is called in the course of an election. */
export interface LeaderCallbacks {
  /**
   * This elector leads. What is returned is the work: `run` does not end before it has settled. The
   * signal aborts when leadership ends. If it throws or rejects, the lease is released, and `run`
   * rejects with that error. If it returns, the elector leads on.
   */
  onStartedLeading(signal: AbortSignal): unknown;
  /** Once for each `onStartedLeading`, after its work has settled or was given up. */
  onStoppedLeading(): unknown;
  /** The holder of the lock has changed; called once for each change, also when this elector becomes the holder. */
  onNewLeader?(identity: string): void;
}

/** Follows client-go's `LeaderElectionConfig`. */
export interface LeaderElectionConfig extends LeaseElectionSettings {
  /** What is competed for: a `LeaseLock`, or anything that works like one. */
  readonly lock: ResourceLock;
  readonly callbacks: LeaderCallbacks;
  /**
   * Whether to release the lease when the signal of `run` aborts, once the work has settled. Without,
   * others wait until it has expired.
   * @default false
   */
  readonly releaseOnCancel?: boolean | undefined;
  /**
   * For metrics and messages.
   * @default that of the lock
   */
  readonly name?: string | undefined;
}

/** What `lead` can be told. */
export interface LeadOptions extends LeaseElectionSettings, PlaceOptions, LabelOptions {
  /**
   * Who competes: unique among all electors.
   * @default the Pod's name, `_`, and a UUID
   */
  readonly identity?: string | undefined;
  /** Ends the wait, or the work; the lease is released once the work has settled. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether to release the lease when the signal aborts, once the work has settled. It is released in
   * any case when the work ends by itself.
   * @default true
   */
  readonly releaseOnCancel?: boolean | undefined;
  /**
   * Whether to campaign again after a loss, once the old work has settled.
   * @default false
   */
  readonly recampaign?: boolean | undefined;
}

/** All three, checked. */
export type CheckedDurations = { readonly [K in keyof Durations]-?: number };

/** By how much, at least, a renewal has to fit into the deadline (client-go's constant). */
export const JITTER_FACTOR = 1.2;

/** Throws a TypeError that names the first bad option and its value. */
export function checkConfig(config: unknown): CheckedDurations {
  const { lock, callbacks, ...rest } = checkProperties('config', config, configChecks);
  checkLock('config.lock', lock);
  checkCallbacks('config.callbacks', callbacks);
  return checkDurations('config', rest);
}

/** The same for the options of `lead`. */
export function checkLeadOptions(options: unknown): CheckedDurations {
  return checkDurations('options', checkProperties('options', options, leadChecks));
}

/** client-go's rules, and that the duration can be stored. */
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
  annotations: annotationsExcept([]),
};
