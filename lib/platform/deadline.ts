import { linked } from './abort.ts';
import { type Clock, sleep } from './clock.ts';

export interface Deadline {
  readonly signal: AbortSignal;
  /** Aborts the signal. */
  readonly abort: (reason: unknown) => void;
  /** From now on there is no limit. */
  readonly lift: () => void;
  /** From now on the signal does not abort. */
  readonly end: () => void;
}

/**
 * A signal that aborts with the given one or, after `limitMs`, with the result of `reason`. Without
 * a limit, only the given signal counts.
 */
export function withDeadline(
  clock: Clock,
  signal: AbortSignal,
  limitMs: number | undefined,
  reason: (limitMs: number) => unknown,
  options?: { readonly unref: boolean },
): Deadline {
  const { controller, end } = linked(signal);
  const abort = (why: unknown) => {
    controller.abort(why);
  };
  const expire = (ms: number) => clock.after(ms, () => abort(reason(ms)), options);
  const lift = limitMs === undefined ? () => undefined : expire(limitMs);
  return {
    signal: controller.signal,
    abort,
    lift,
    end: () => {
      lift();
      end();
    },
  };
}

/** As the promise, or undefined if that takes longer than `ms`. */
export async function within<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
): Promise<T | undefined> {
  const limit = new AbortController();
  const timeUp = sleep(clock, ms, limit.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    limit.abort();
  }
}
