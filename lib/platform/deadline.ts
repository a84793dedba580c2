import { linked } from './abort.ts';
import type { Clock } from './clock.ts';

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
