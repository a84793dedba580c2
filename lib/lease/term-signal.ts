/**
 * Makes a controller's signal judge for itself: whoever asks it after leadership has run out is told
 * so, and its listeners with it, even before the timer that was to tell has had its turn.
 */
export function judgedSignal(controller: AbortController, judge: () => void): AbortSignal {
  const { signal } = controller;
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
