/**
 * Makes a controller's signal judge for itself: if it is asked after leadership has run out, it says so and
 * calls its listeners, even before the timer for this has fired. What the
 * runtime itself makes of the signal (`AbortSignal.any`, `fetch`) may not ask: see docs/lease.md.
 */
export function deadlineSignal(controller: AbortController, judgment: () => void): AbortSignal {
  const { signal } = controller;
  let isJudging = false;
  // Deno asks a signal whether it is aborted while it aborts it.
  const judge = () => {
    if (isJudging) return;
    isJudging = true;
    try {
      judgment();
    } finally {
      isJudging = false;
    }
  };
  const own = <K extends 'aborted' | 'reason'>(key: K) => ({
    configurable: true,
    get: (): AbortSignal[K] => {
      judge();
      return Reflect.get(AbortSignal.prototype, key, signal);
    },
  });
  return Object.defineProperties(signal, {
    aborted: own('aborted'),
    reason: own('reason'),
    throwIfAborted: {
      configurable: true,
      value: () => {
        judge();
        AbortSignal.prototype.throwIfAborted.call(signal);
      },
    },
  });
}
