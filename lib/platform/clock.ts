import { nodeProcess } from './node-process.ts';

/**
 * Time and randomness. Both enter the library through this interface only, so that a simulation
 * can own them; a spec bans `Date`, `Math.random`, `performance` and timers everywhere else.
 */
export interface Clock {
  /** Milliseconds on a monotonic clock. Only differences mean anything. */
  now(): number;
  /**
   * A clock that, unlike `now` on Linux, goes on while the machine is suspended. Use it only to
   * find such gaps: otherwise it goes like `now`, give or take 10 ms.
   */
  boot(): number;
  /** Wall time, for records that people read. It decides nothing. */
  date(): Date;
  /** Uniform in [0, 1). */
  random(): number;
  /** A new UUID. */
  uuid(): string;
  /**
   * Calls `task` once, `ms` from now. The returned function cancels the call. The timer keeps the
   * process alive, unless `unref` is set.
   */
  after(ms: number, task: () => void, options?: { readonly unref?: boolean }): () => void;
}

/** The longest delay of a Node.js timer; a longer one would fire at once. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

/** The step of the coarsest uptime: whole seconds. */
const COARSE_MS = 1_000;

/**
 * Milliseconds since boot, from an uptime of unknown resolution. Until it shows a fraction, it is
 * taken for whole seconds, rounded either way. Meanwhile the clock goes like `now`, and jumps only
 * when the uptime has run ahead of `now` by more than rounding explains: the machine was suspended,
 * and the jump is never shorter than the suspension. A suspension of less than two steps may go
 * unnoticed.
 */
export function bootClock(now: () => number, uptimeMs: () => number): () => number {
  let isCoarse = true;
  let offsetMs: number | undefined;
  let leastAheadMs = Number.POSITIVE_INFINITY;
  return () => {
    const beforeMs = now();
    const upMs = uptimeMs();
    isCoarse &&= upMs % COARSE_MS === 0;
    if (!isCoarse) return upMs;
    // The uptime was read at some moment between the two.
    const nowMs = now();
    offsetMs ??= upMs - beforeMs;
    const rounding = leastAheadMs + COARSE_MS;
    if (upMs - nowMs > rounding) {
      offsetMs += upMs - nowMs - leastAheadMs + COARSE_MS;
      leastAheadMs = upMs - beforeMs;
    }
    leastAheadMs = Math.min(leastAheadMs, upMs - beforeMs);
    return nowMs + offsetMs;
  };
}

/** Reading the uptime takes as long as thirty readings of `now`. */
const BOOT_FRESH_MS = 1;

/** The same clock, read at most once a millisecond, because programs ask in inner loops. */
export function sparing(now: () => number, boot: () => number): () => number {
  let readMs = Number.NEGATIVE_INFINITY;
  let aheadMs = 0;
  return () => {
    const nowMs = now();
    if (nowMs - readMs >= BOOT_FRESH_MS) {
      aheadMs = boot() - nowMs;
      readMs = nowMs;
    }
    return nowMs + aheadMs;
  };
}

const monotonic = () => performance.now();
const linuxBoot = sparing(monotonic, bootClock(monotonic, uptimeMs));
let isUptimeReadable = true;
let os: typeof import('node:os') | undefined;

/** Bun and Deno round what Node.js reads from this file; Deno may read it only with all rights. */
function uptimeMs(): number {
  os ??= nodeProcess?.getBuiltinModule?.('node:os');
  const seconds = os?.uptime() ?? 0;
  if (!Number.isInteger(seconds) || !isUptimeReadable) return seconds * 1_000;
  try {
    const fs = process.getBuiltinModule('node:fs');
    return Number.parseFloat(fs.readFileSync('/proc/uptime', 'utf8')) * 1_000;
  } catch {
    isUptimeReadable = false;
    return seconds * 1_000;
  }
}

/** The machine's own time and randomness. */
export const systemClock: Clock = {
  now: () => performance.now(),
  // On other systems it may be coarse, and follow the wall clock, but there `now` counts
  // suspensions.
  boot: () => (nodeProcess?.platform === 'linux' ? linuxBoot() : performance.now()),
  date: () => new Date(),
  random: () => Math.random(),
  // Loaded when it is first read, unlike `node:crypto`, an import of which loads all of it.
  uuid: () => crypto.randomUUID(),
  after(ms, task, options) {
    const timer = setTimeout(task, Math.min(Math.max(ms, 0), MAX_DELAY_MS));
    // In a browser a timer is a number, and keeps nothing alive.
    if (options?.unref && typeof timer === 'object') timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The same clock, with timers that do not keep the process alive. */
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
