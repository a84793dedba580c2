import { sleep } from '../platform/clock.ts';
import { LeaderElectionError } from '../errors.ts';
import { type ApiError, isQuotaExceeded } from '../kubernetes/outcome.ts';
import { mayLand } from '../platform/unconfirmed.ts';
import { barAt } from '../protocol/bar.ts';
import { type Lock, MAX_PREDECESSORS, type PodIdentity, holderOf } from '../protocol/model.ts';
import type { CampaignOptions, Persist } from './campaign-options.ts';
import { PATIENCE, release } from './release.ts';
import type { SeenLocks } from './seen-locks.ts';

/** A create that has not taken effect after this long never will: the API server is given 8 s. */
const LANDING_MS = 9_000;

/**
 * After an abort, a create that was sent is awaited for this long: by then the API server drops it.
 */
const LAST_ANSWER_MS = 8_000;

/** After an abort, the whole call takes no longer than this. */
const WITHDRAWAL_MS = 9_500;

/** The creates of one campaign: what each may have stored, and how that is taken back. */
export class OwnCreates {
  readonly #options: CampaignOptions;
  readonly #persist: Persist;
  readonly #seen: SeenLocks;
  /** Marks the lock as created by this call, and by no other of the same Pod. */
  readonly #attempt: string;
  /** Aborts when a create that was sent before the end of the campaign is no longer awaited. */
  readonly #abandon = new AbortController();
  /** Whether a create of this call may have stored a lock with which it does not lead. */
  #mayHaveCreated = false;
  /** Until when a create without an answer may still take effect. */
  #createMayLandUntilMs = Number.NEGATIVE_INFINITY;
  /** The predecessors noted in creates of this call, one of which may have stored the lock. */
  readonly #notes = new Set<string>();

  constructor(options: CampaignOptions, persist: Persist, seen: SeenLocks) {
    this.#options = options;
    this.#persist = persist;
    this.#seen = seen;
    this.#attempt = options.clock.uuid();
  }

  /** The predecessors are asked for before each try. */
  async create(
    podUid: string,
    predecessorsNow: () => readonly PodIdentity[],
    signal: AbortSignal,
  ): Promise<Lock | 'exists' | 'quota' | 'barred'> {
    const { clock, lock, settings, standing } = this.#options;
    const create = async () => {
      // A failed try may be minutes ago.
      if (barAt({ nowMs: clock.now(), bar: standing?.bar })) return 'barred' as const;
      const predecessors = predecessorsNow();
      if (predecessors.length > MAX_PREDECESSORS) return 'barred' as const;
      const untilMs = clock.now() + LANDING_MS;
      const before = this.#mayHaveCreated;
      this.#mayHaveCreated = true;
      if (!before) this.#notes.clear();
      this.#notes.add(noteOf(predecessors));
      try {
        // A create that was sent is awaited to the end, or nobody would know whether it succeeded.
        const { signal: abandoned } = this.#abandon;
        const self = { name: settings.podName, uid: podUid };
        return await lock.create(self, this.#attempt, predecessors, abandoned, signal);
      } catch (error) {
        if (mayLand(error)) this.#createMayLandUntilMs = untilMs;
        else this.#mayHaveCreated = before;
        throw error;
      }
    };
    try {
      return await this.#persist(create, signal);
    } catch (error) {
      if (!isQuotaExceeded(error)) throw error;
      this.#options.observer.onQuota(error);
      return 'quota';
    }
  }

  /** The lock was read, by a request that was sent at this time. */
  onRead(found: Lock | undefined, sentMs: number, podUid: string | undefined): void {
    if (found?.attempt === this.#attempt) this.#checkStored(found, podUid);
    else if (sentMs >= this.#createMayLandUntilMs) this.#mayHaveCreated = false;
  }

  /** Others decide by what is stored, so never lead with a lock that differs from what was sent. */
  #checkStored(found: Lock, podUid: string | undefined): void {
    const isMine = holderOf(found)?.uid === podUid;
    if (isMine && this.#notes.has(noteOf(found.predecessors))) return;
    const { lock, namespace } = this.#options;
    throw new LeaderElectionError(
      'ERR_REJECTED',
      `ConfigMap ${namespace}/${lock.name} was not stored as this Pod sent it: its owner or its ` +
        'leader-for-life annotations differ. The likely cause is a mutating admission webhook. ' +
        'Exempt this ConfigMap from it.',
    );
  }

  /** These locks were found in place of the one with which this call led. */
  foundInstead(others: readonly Lock[], led: Lock): void {
    for (const other of others) this.#seen.add(other);
    this.#mayHaveCreated = others.some(
      ({ attempt, uid }) => attempt === this.#attempt && uid !== led.uid,
    );
  }

  /** Gives this lock up. Returns another one that was found in its place. */
  release(lock: Lock, podUid: string, signal?: AbortSignal): Promise<Lock | undefined> {
    const { observer } = this.#options;
    const onUnmarked = (error: ApiError) => observer.onDegraded('mark', error);
    return release({ ...this.#options, onUnmarked }, lock, podUid, signal);
  }

  /** Like `takeBack`, but reports failures to the observer instead of rejecting. */
  async withdraw(podUid: string, led: Lock | undefined, signal?: AbortSignal): Promise<void> {
    try {
      await this.takeBack(podUid, led, signal);
    } catch (error) {
      this.#options.observer.onLeftBehind(error);
    }
  }

  /**
   * Deletes what this call has created, or may still create, and has not led with. A lost lock
   * stays until others end it, because the work may go on.
   */
  async takeBack(podUid: string, led?: Lock, signal?: AbortSignal): Promise<void> {
    const { api, clock, lock, observer } = this.#options;
    let mayBeThere = this.#mayHaveCreated || this.#createMayLandUntilMs > clock.now();
    while (mayBeThere) {
      const mayLandMs = this.#createMayLandUntilMs - clock.now();
      const found = await api.retry(() => lock.get(signal), { ...PATIENCE, signal });
      const isHeld = found && holderOf(found)?.uid === podUid;
      this.#seen.add(found);
      if (found && found.uid !== led?.uid) {
        if (found.attempt === this.#attempt) {
          // The other Pod may lead with it.
          if (!isHeld) throw new Error('another Pod was made its owner');
          observer.log('taking back the lock that was created');
          this.#seen.add(await this.release(found, podUid, signal));
        } else if (isHeld && found.attempt === undefined) {
          throw new Error('its annotation leader-for-life/attempt was removed');
        }
      }
      // Another create may still be on its way: look once more after it.
      mayBeThere = mayLandMs > 0;
      if (mayBeThere) await sleep(clock, mayLandMs, signal);
    }
  }

  /** Limits the time to give up, from its beginning. */
  withdrawalLimit(): { begin: () => void; end: () => void; readonly signal: AbortSignal } {
    const { clock } = this.#options;
    const limit = new AbortController();
    let timers: (() => void)[] = [];
    const abort = (controller: AbortController) => () =>
      controller.abort(new Error('the API server did not answer in time'));
    const begin = () => {
      if (timers.length > 0) return;
      timers = [
        clock.after(LAST_ANSWER_MS, abort(this.#abandon)),
        clock.after(WITHDRAWAL_MS, abort(limit)),
      ];
    };
    const end = () => {
      for (const cancel of timers) cancel();
    };
    return { begin, end, signal: limit.signal };
  }
}

function noteOf(predecessors: readonly PodIdentity[] = []): string {
  return predecessors.map(({ uid }) => uid).join();
}
