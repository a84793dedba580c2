/** How long a leader may believe that it leads. */

/** A moment on two clocks. Only the second one goes on while the machine is suspended. */
export interface Instant {
  /** Monotonic. */
  readonly nowMs: number;
  /** Since the machine's boot. */
  readonly bootMs: number;
}

/** The start and the length of proven leadership. */
export interface Proof extends Instant {
  readonly forMs: number;
}

/** The boot clock has steps of 10 ms, and is not read at the same moment. */
const DRIFT_MS = 100;

function suspendedMs(since: Instant, now: Instant): number {
  const drift = now.bootMs - since.bootMs - (now.nowMs - since.nowMs);
  return drift > DRIFT_MS ? drift : 0;
}

/** How much is left of `limitMs` since `since`; negative once it is over. */
export function leftMs(since: Instant, limitMs: number, now: Instant): number {
  return limitMs - (now.nowMs - since.nowMs) - suspendedMs(since, now);
}

/**
 * How long leadership is proven from `now` on; 0 if it is not. After a suspension, however short,
 * it is not, until a renewal that began afterwards is answered.
 */
export function provenMs(since: Instant, limitMs: number, now: Instant): number {
  return suspendedMs(since, now) > 0 ? 0 : Math.max(leftMs(since, limitMs, now), 0);
}
