import { randomUUID } from 'node:crypto';
import { uptime } from 'node:os';

/**
 * Time and randomness. Both enter the library through this interface only, so that a simulation
 * can own them; a spec bans `Date`, `Math.random`, `performance` and timers everywhere else.
 */
export interface Clock {
  /** Milliseconds on a monotonic clock. Only differences mean anything. */
  now(): number;
  /**
   * Milliseconds since the machine booted. Unlike `now`, it goes on while the machine is suspended,
   * where the two differ (Linux). Coarse: only for finding such gaps.
   */
  boot(): number;
  /** Wall time, for records that people read. It never decides anything. */
  date(): Date;
  /** Uniform in [0, 1). */
  random(): number;
  /** A new UUID. */
  uuid(): string;
  /**
   * Calls `task` once, `ms` from now. The function returned cancels the call.
   * The process stays alive for it, unless `unref`.
   */
  after(ms: number, task: () => void, options?: { readonly unref?: boolean }): () => void;
}

/** The longest delay that a Node.js timer keeps; beyond it fires at once. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

/** The machine's own time and randomness. */
export const systemClock: Clock = {
  now: () => performance.now(),
  // Elsewhere it may be coarse, and follow the wall clock, while `now` counts suspensions itself.
  boot: () => (process.platform === 'linux' ? uptime() * 1_000 : performance.now()),
  date: () => new Date(),
  random: () => Math.random(),
  uuid: () => randomUUID(),
  after(ms, task, options) {
    const timer = setTimeout(task, Math.min(Math.max(ms, 0), MAX_DELAY_MS));
    if (options?.unref) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The same clock, whose timers do not keep the process alive. */
export function inBackground(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    boot: () => clock.boot(),
    date: () => clock.date(),
    random: () => clock.random(),
    uuid: () => clock.uuid(),
    after: (ms, task) => clock.after(ms, task, { unref: true }),
  };
}

/** Resolves after `ms`; rejects with the signal's reason as soon as that aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
