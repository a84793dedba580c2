/** Rejects with the signal's reason when that aborts; what was waited for goes on unheeded. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => undefined); // Nobody may be left to handle it.
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

/** A controller that aborts with whichever of the signals aborts first, until `end` is called. */
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
 * A signal for what nobody aborts. Each caller has its own: listeners of one that all share would stay in
 * memory for as long as the process.
 */
export function neverAborts(): AbortSignal {
  return new AbortController().signal;
}
