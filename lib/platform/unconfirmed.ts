import { ApiError, NoAnswerError, isAmbiguous } from '../kubernetes/outcome.ts';

/**
 * Whether the write behind this error, for example an abort, may have taken effect, or may still do
 * so.
 */
export function mayLand(error: unknown): boolean {
  const isKnown = error instanceof ApiError || error instanceof NoAnswerError;
  return !isKnown || isAmbiguous(error);
}

/**
 * The locks, by UID, that this process has tried to end without an answer. A network may deliver
 * such a request at any time, so nobody leads with such a lock again: it is deleted, and another
 * one is created.
 */
export class UnconfirmedEnds {
  readonly #uids: Set<string>;

  constructor(uids = new Set<string>()) {
    this.#uids = uids;
  }

  /** Sends a request that ends this lock. */
  async send<T>(uid: string, request: () => Promise<T>): Promise<T> {
    try {
      return await request();
    } catch (error) {
      if (mayLand(error)) this.#uids.add(uid);
      throw error;
    }
  }

  has(uid: string): boolean {
    return this.#uids.has(uid);
  }

  /** The lock is gone: a late request finds another UID, and fails. */
  delete(uid: string): void {
    this.#uids.delete(uid);
  }
}
