import { type LockReason, type LockStatus, inspectLease, inspectLock } from '../../index.ts';
import { systemClock } from '../../platform/clock.ts';
import type { Place } from '../context.ts';

/** An answer that is older is not given. The clock goes on while the machine sleeps. */
const FRESH_MS = 1_000;

/** A program that asks should not wait for an API server that does not answer. */
const TIMEOUT_MS = 2_000;

/** Somebody holds the lock, and may work. */
const HELD: readonly LockReason[] = [
  'held',
  'holder-terminating',
  'holder-finishing',
  'lock-deleting',
];

/** Another leader, as its lock says; the name is empty for nobody. */
export interface OtherLeader {
  readonly name: string;
  readonly since?: Date | undefined;
  readonly reason: LockReason;
}

/** Reads who leads when it is asked, and at most once a second. */
export class LeaderReader {
  readonly #read: () => Promise<LockStatus>;
  #latest: { readonly status: LockStatus; readonly atMs: number } | undefined;
  #reading: Promise<LockStatus | undefined> | undefined;
  /** How often it was told of a change. */
  #changes = 0;

  constructor(mode: 'life' | 'lease', name: string, place: Place) {
    const inspect = mode === 'life' ? inspectLock : inspectLease;
    this.#read = () => inspect(name, { ...place, timeoutMs: TIMEOUT_MS });
  }

  /** Undefined if the lock cannot be read. */
  async leader(): Promise<OtherLeader | undefined> {
    const status = await this.#status();
    if (!status) return undefined;
    const { reason, holder = '', since } = status;
    const name = HELD.includes(reason) ? shortName(holder) : '';
    return { name, reason, since: name === '' ? undefined : since };
  }

  /** What was read, and what is being read, may no longer be true. */
  forget(): void {
    this.#changes += 1;
    this.#latest = undefined;
    this.#reading = undefined;
  }

  async #status(): Promise<LockStatus | undefined> {
    const latest = this.#latest;
    if (latest && systemClock.boot() - latest.atMs < FRESH_MS) return latest.status;
    const changes = this.#changes;
    const status = await (this.#reading ??= this.#readNow());
    return changes === this.#changes ? status : this.#status();
  }

  async #readNow(): Promise<LockStatus | undefined> {
    const changes = this.#changes;
    const atMs = systemClock.boot();
    const status = await this.#read().catch(() => undefined);
    if (changes === this.#changes) {
      this.#latest = status && { status, atMs };
      this.#reading = undefined;
    }
    return status;
  }
}

const UUID = /_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The Pod's or host's name in an identity that this library or client-go's users make. */
export function shortName(identity: string): string {
  return identity.replace(UUID, '');
}
