import { abortable } from './abort.ts';
import { LeaderElectionError } from '../errors.ts';

/** What a candidate of a process competes for. */
export interface ElectionKey {
  /** The API server. */
  readonly server: string;
  readonly kind: 'ConfigMap' | 'Lease';
  readonly namespace: string;
  readonly name: string;
  /** The Pod's name, or the elector's identity. */
  readonly candidate: string;
  /** Distinguishes Pods of one name, if it is known. */
  readonly uid?: string | undefined;
}

/** One election that is running in this process. */
interface Entry {
  readonly uid: string | undefined;
  /** It was released, lost or aborted, and is about to end. */
  isEnding: boolean;
  readonly ended: Promise<unknown>;
}

/** What the owner of an election can do with it. */
export interface RunningElection {
  /** The election neither waits nor leads any more; the next one waits until it has `ended`. */
  ending(): void;
  ended(): void;
}

/** The running elections of a process, by key. */
export type ElectionMap = Map<string, Set<Entry>>;

/** Until when a candidate that has stepped down leaves a lock to others, by key. */
export type AsideMap = Map<string, number>;

/**
 * Ensures that a process competes for a lock only once under one name. Two elections that share a
 * lock cannot tell which of them leads, and one that releases it takes it from the other.
 */
export class Elections {
  readonly #running: ElectionMap;
  readonly #aside: AsideMap;

  constructor(running: ElectionMap = new Map(), aside: AsideMap = new Map()) {
    this.#running = running;
    this.#aside = aside;
  }

  /** The candidate has stepped down: until then its next election leaves the lock to others. */
  standAside(key: ElectionKey, untilMs: number, nowMs: number): void {
    // Identities may be used once.
    for (const [id, otherMs] of this.#aside) if (otherMs <= nowMs) this.#aside.delete(id);
    this.#aside.set(idOf(key), untilMs);
  }

  asideUntilMs(key: ElectionKey): number | undefined {
    return this.#aside.get(idOf(key));
  }

  /**
   * Registers an election. While one for the same lock is about to end, waits for it, until the
   * signal aborts. Throws `ERR_ALREADY_RUNNING` if one waits or leads.
   */
  async begin(key: ElectionKey, signal: AbortSignal): Promise<RunningElection> {
    for (;;) {
      signal.throwIfAborted();
      const other = this.#find(key);
      if (!other) return this.#add(key);
      if (!other.isEnding) throw alreadyRunning(key);
      await abortable(other.ended, signal);
    }
  }

  #find(key: ElectionKey): Entry | undefined {
    const entries = [...(this.#running.get(idOf(key)) ?? [])].filter(
      ({ uid }) => uid === undefined || key.uid === undefined || uid === key.uid,
    );
    return entries.find(({ isEnding }) => !isEnding) ?? entries[0];
  }

  #add(key: ElectionKey): RunningElection {
    const id = idOf(key);
    const { promise: ended, resolve } = Promise.withResolvers<undefined>();
    const entry: Entry = { uid: key.uid, isEnding: false, ended };
    const entries = this.#running.get(id) ?? new Set();
    this.#running.set(id, entries.add(entry));
    return {
      ending: () => {
        entry.isEnding = true;
      },
      ended: () => {
        entries.delete(entry);
        if (entries.size === 0) this.#running.delete(id);
        resolve(undefined);
      },
    };
  }
}

function idOf({ server, kind, namespace, name, candidate }: ElectionKey): string {
  return JSON.stringify([server, kind, namespace, name, candidate]);
}

function alreadyRunning({ kind, namespace, name, candidate }: ElectionKey): LeaderElectionError {
  return new LeaderElectionError(
    'ERR_ALREADY_RUNNING',
    `${candidate} already competes for ${kind} ${namespace}/${name} in this process, or leads. ` +
      'Await that election, and share its result; or release it first.',
  );
}
