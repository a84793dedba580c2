import {
  annotationsExcept,
  checkBoolean,
  checkDuration,
  checkLockName,
  checkProperties,
  checkSignal,
} from '../checks.ts';
import { LeaderElectionError, invalidArgument } from '../errors.ts';
import { locate, tellIfKubeConfigIsLeftOut } from '../kubernetes/identity.ts';
import { checkIdentity, LeaseLock } from '../lease/lease-lock.ts';
import { type LabelOptions, type PlaceOptions, labelChecks, placeChecks } from '../options.ts';
import { abortable, neverAborts } from '../platform/abort.ts';
import { type Clock, sleep } from '../platform/clock.ts';
import { withDeadline } from '../platform/deadline.ts';
import { systemPlatform } from '../platform/platform.ts';
import { messageOf } from '../platform/printable.ts';
import { backoffMs } from '../protocol/delay.ts';
import type { LeaderElectionRecord } from '../protocol/lease/record.ts';
import { FIRES, firesOf, isLate, isNew, parseKey, withFire } from './fires.ts';

const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1_000;

/** Nobody leads by this Lease: it only keeps the fires. */
const NOBODY: LeaderElectionRecord = {
  holderIdentity: '',
  leaseDurationSeconds: 1,
  acquireTime: undefined,
  renewTime: undefined,
  leaseTransitions: 0,
};

/** Options of `leaseCoordinator`. */
export interface LeaseCoordinatorOptions extends PlaceOptions, LabelOptions {
  /**
   * Name of this replica in the Lease, for people.
   * @default the Pod's name, else the host's, then `_` and a UUID
   */
  readonly identity?: string | undefined;
  /**
   * Milliseconds within which it must be clear whether this replica runs a fire. Otherwise the fire
   * is skipped here.
   * @default 10_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Whether to coordinate. If false, each replica runs every fire.
   * @default true
   */
  readonly enabled?: boolean | undefined;
  /** Skips the fires whose claim is under way, and all later ones. */
  readonly signal?: AbortSignal | undefined;
}

/** Decides which replica runs a job: a `RunCoordinator` of node-cron. */
export interface LeaseCoordinator {
  /**
   * Resolves with whether this replica runs the fire. At most one call per fire resolves with true,
   * in all replicas; later fires of a job rule out earlier ones. A fire more than a day late does not
   * run.
   * @param key - `NAME:TIME`: the task's name, and for when it was scheduled
   * @throws `ERR_TIMEOUT` if it is not clear in time, and another `LeaderElectionError` if the API
   *   server refuses or if a clock is wrong; node-cron then skips the fire
   */
  shouldRun(key: string): Promise<boolean>;
}

const checks = {
  ...placeChecks,
  ...labelChecks,
  annotations: annotationsExcept([FIRES]),
  identity: checkIdentity,
  timeoutMs: checkDuration,
  enabled: checkBoolean,
  signal: checkSignal,
};

/**
 * Makes a coordinator for `node-cron` 4.6 or later: of all replicas, one runs each fire of a
 * `distributed` task, at most once. The last fire of each task is kept in an annotation of a Lease,
 * which is replaced only if nobody else has done so. Clocks may differ by up to an hour. Outside a
 * cluster each process runs every fire.
 *
 * @param leaseName - name of the Lease, a DNS subdomain; the same in every replica. No election may
 *   use it
 * @throws `TypeError` that names the first bad option and its value
 *
 * @example
 * cron.setRunCoordinator(leaseCoordinator('my-jobs'));
 * cron.schedule('0 3 * * *', report, { name: 'report', distributed: true });
 */
export function leaseCoordinator(
  leaseName: string,
  options: LeaseCoordinatorOptions = {},
): LeaseCoordinator {
  checkLockName('leaseName', leaseName);
  checkProperties('options', options, checks);
  const coordinator = new Coordinator(leaseName, options);
  return { shouldRun: (key) => coordinator.shouldRun(key) };
}

class Coordinator {
  readonly #name: string;
  readonly #options: LeaseCoordinatorOptions;
  readonly #clock: Clock = systemPlatform.clock;
  readonly #lock: LeaseLock;
  /** The claims of one process take turns: among themselves they need not conflict. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(leaseName: string, options: LeaseCoordinatorOptions) {
    this.#name = leaseName;
    this.#options = options;
    this.#lock = this.#lockWith({});
  }

  async shouldRun(key: string): Promise<boolean> {
    const { enabled = true, timeoutMs = 10_000, signal = neverAborts() } = this.#options;
    const fire = parseKey(key);
    if (!fire) throw invalidArgument('key', 'NAME:TIME, as node-cron makes it', key);
    signal.throwIfAborted();
    if (!enabled || (await this.#isOutside())) return true;
    let trouble: unknown;
    const limit = withDeadline(this.#clock, signal, timeoutMs, () => {
      return tooLate(fire.job, fire.at, timeoutMs, trouble);
    });
    const onTrouble = (error: unknown) => {
      trouble = error;
    };
    const before = this.#turn;
    const claim = abortable(before, limit.signal).then(() =>
      this.#claim(fire.job, fire.at, limit.signal, onTrouble),
    );
    this.#turn = claim.catch(() => undefined);
    try {
      return await claim;
    } finally {
      limit.end();
    }
  }

  async #isOutside(): Promise<boolean> {
    const { credentials } = await locate(systemPlatform.environment, this.#options);
    if (!credentials) tellIfKubeConfigIsLeftOut(systemPlatform);
    return credentials === undefined;
  }

  /** Reads and replaces until it is clear who runs the fire. */
  async #claim(
    job: string,
    at: string,
    signal: AbortSignal,
    onTrouble: (error: unknown) => void,
  ): Promise<boolean> {
    const claim = this.#clock.uuid();
    for (let failures = 0; ; failures += 1) {
      try {
        const isMine = await this.#tryToClaim(job, at, claim, signal);
        if (isMine !== 'conflict') return isMine;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof LeaderElectionError || error instanceof TypeError) throw error;
        onTrouble(error);
      }
      const pauseMs = backoffMs(failures, MAX_RETRY_MS, this.#clock.random(), FIRST_RETRY_MS);
      await sleep(this.#clock, pauseMs, signal);
    }
  }

  /** A write without an answer is found by its claim, or replaced: it cannot take effect later. */
  async #tryToClaim(
    job: string,
    at: string,
    claim: string,
    signal: AbortSignal,
  ): Promise<boolean | 'conflict'> {
    const lock = this.#lock;
    const found = await lock.get(signal);
    const fires = firesOf(found?.object, lock.describe());
    const last = Object.hasOwn(fires, job) ? fires[job] : undefined;
    if (last?.claim === claim) return true;
    const nowMs = this.#clock.date().getTime();
    if (!isNew(at, last, job, lock.describe(), nowMs) || isLate(at, nowMs)) return false;
    const next = withFire(fires, job, { at, by: lock.identity, claim });
    const writer = this.#lockWith({ [FIRES]: JSON.stringify(next) });
    const written = found
      ? await writer.update(found, found.record, signal)
      : await writer.create(NOBODY, signal);
    return written === 'conflict' ? written : true;
  }

  /** The same Lease each time; a write sets these annotations. */
  #lockWith(annotations: Readonly<Record<string, string>>): LeaseLock {
    const { namespace, kubeConfig, labels, annotations: given, identity } = this.#options;
    return new LeaseLock({
      ...{ name: this.#name, namespace, kubeConfig, labels, identity },
      annotations: { ...given, ...annotations },
    });
  }
}

function tooLate(job: string, at: string, timeoutMs: number, trouble: unknown) {
  const why = trouble === undefined ? '' : ` The last answer was: ${messageOf(trouble)}.`;
  return new LeaderElectionError(
    'ERR_TIMEOUT',
    `It was not clear within ${timeoutMs} ms which replica runs the fire of ${at} of the job ` +
      `${JSON.stringify(job)}, so it does not run here.${why}`,
  );
}
