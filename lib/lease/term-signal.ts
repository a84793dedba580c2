/**
 * Makes a controller's signal decide by the clock. If it is read after leadership has run out, it
 * is aborted and calls its listeners, even before the timer has fired. A signal that the runtime
 * derives from it (`AbortSignal.any`, `fetch`) may not ask it: see `docs/lease.md`.
 */
export function deadlineSignal(controller: AbortController, judgment: () => void): AbortSignal {
  const { signal } = controller;
  let isJudging = false;
  // Deno reads `aborted` of a signal while it aborts the signal.
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
