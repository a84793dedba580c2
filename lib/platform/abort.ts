/** Rejects with the signal's reason when that aborts; the promise goes on without a listener. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => undefined); // There may be nobody left to handle it.
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => {
    reject(signal.reason);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A controller that aborts with the first of the signals to abort, until `end` is called. */
export function linked(...signals: readonly AbortSignal[]): {
  readonly controller: AbortController;
  readonly end: () => void;
} {
  const controller = new AbortController();
  const links = signals.map((signal) => {
    const onAbort = () => {
      controller.abort(signal.reason);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return () => {
      signal.removeEventListener('abort', onAbort);
    };
  });
  const end = () => {
    for (const unlink of links) unlink();
  };
  return { controller, end };
}

/**
 * A signal that never aborts. Each caller has its own: listeners of a shared one would stay in
 * memory as long as the process.
 */
export function neverAborts(): AbortSignal {
  return new AbortController().signal;
}
