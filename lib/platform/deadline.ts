import { linked } from './abort.ts';
import { type Clock, sleep } from './clock.ts';

/**
 * A signal that aborts with the given one or, after `limitMs`, with the result of `reason`. Call
 * `end` to stop the timer. Without a limit, only the given signal counts.
 */
export function withDeadline(
  clock: Clock,
  signal: AbortSignal,
  limitMs: number | undefined,
  reason: (limitMs: number) => unknown,
): { readonly signal: AbortSignal; readonly end: () => void } {
  const { controller, end } = linked(signal);
  if (limitMs === undefined) return { signal: controller.signal, end };
  const cancel = clock.after(limitMs, () => {
    controller.abort(reason(limitMs));
  });
  return {
    signal: controller.signal,
    end: () => {
      cancel();
      end();
    },
  };
}

/** As the promise; undefined if that takes longer. */
export async function within<T>(
  clock: Clock,
  limitMs: number,
  promise: Promise<T>,
): Promise<T | undefined> {
  const limit = new AbortController();
  const timeUp = sleep(clock, limitMs, limit.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    limit.abort();
  }
}
