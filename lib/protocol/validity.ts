/** For how long a leader may believe that it leads. */

/** A moment on two clocks, of which only the second goes on while the machine is suspended. */
export interface Instant {
  /** Monotonic. */
  readonly nowMs: number;
  /** Since the machine's boot. */
  readonly bootMs: number;
}

/** Since when leadership is proven, and for how long. */
export interface Proof extends Instant {
  readonly forMs: number;
}

/** The boot clock is read in steps of 10 ms, and not at the same moment. */
const DRIFT_MS = 100;

function suspendedMs(since: Instant, now: Instant): number {
  const drift = now.bootMs - since.bootMs - (now.nowMs - since.nowMs);
  return drift > DRIFT_MS ? drift : 0;
}

/** How much is left of `limitMs` that began at `since`; negative once it is over. */
export function leftMs(since: Instant, limitMs: number, now: Instant): number {
  return limitMs - (now.nowMs - since.nowMs) - suspendedMs(since, now);
}

/**
 * How long leadership is proven from `now` on, 0 if it is not: after a suspension nothing is,
 * however short it was, until a renewal begun since has been answered.
 */
export function provenMs(since: Instant, limitMs: number, now: Instant): number {
  return suspendedMs(since, now) > 0 ? 0 : Math.max(leftMs(since, limitMs, now), 0);
}
