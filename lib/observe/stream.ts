import { linked } from '../platform/abort.ts';

/** Number of unread values to keep; the oldest are dropped. */
const BACKLOG = 100;

/** Yields values until the signal aborts, and settles once it has cleaned up. */
export type Producer<T> = (tell: (value: T) => void, signal: AbortSignal) => Promise<void>;

/**
 * The values of a producer as an async iterable. Each loop runs its own producer, which starts with
 * the loop and stops when the loop ends or the signal aborts. If a producer rejects, the loop
 * throws after the earlier values.
 */
export function streamOf<T>(
  produce: Producer<T>,
  signal: AbortSignal | undefined,
): AsyncIterable<T, undefined> {
  return {
    [Symbol.asyncIterator]: () => {
      const left = new AbortController();
      const values = valuesOf(produce, signal ? [signal, left.signal] : [left.signal]);
      return {
        next: () => values.next(),
        /** Ends reads that wait, too, which `return` of a generator does not. */
        return: () => {
          left.abort();
          return values.return(undefined);
        },
      };
    },
  };
}

async function* valuesOf<T>(
  produce: Producer<T>,
  signals: readonly AbortSignal[],
): AsyncGenerator<T, undefined> {
  const { controller, end } = linked(...signals);
  const { signal } = controller;
  const backlog: T[] = [];
  let isOver = signal.aborted;
  /** Takes the next value of a read that waits, or its end. */
  let give: ((found?: { readonly value: T }) => void) | undefined;
  const wake = (found?: { readonly value: T }) => {
    give?.(found);
    give = undefined;
  };
  const tell = (value: T) => {
    if (give) wake({ value });
    else if (backlog.push(value) > BACKLOG) backlog.shift();
  };
  const onOver = () => {
    isOver = true;
    wake();
  };
  signal.addEventListener('abort', onOver, { once: true });
  const running = signal.aborted ? Promise.resolve() : produce(tell, signal);
  running.then(onOver, onOver);
  try {
    while (!signal.aborted) {
      if (backlog.length > 0) yield backlog.shift() as T;
      else if (isOver) break;
      else {
        const found = await new Promise<{ readonly value: T } | undefined>((resolve) => {
          give = resolve;
        });
        if (found) yield found.value;
      }
    }
    if (!signal.aborted) await running;
    return undefined;
  } finally {
    controller.abort();
    end();
    await running.catch(() => undefined);
  }
}
