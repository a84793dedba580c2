import { setTimeout as sleep } from 'node:timers/promises';

/** For whatever is awaited: nothing here is about how fast the machine is. */
const PATIENCE_MS = 120_000;
const PAUSE_MS = 200;
/** A request to a server that is stopped would wait with it. */
const TRY_MS = 15_000;

/** Tries until it succeeds: what is done to the world must be done, whatever else is wrong with it. */
export async function insist<T>(what: string, action: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await within(TRY_MS, action());
    } catch (cause) {
      if (performance.now() > deadline)
        throw new Error(`this does not succeed: ${what}`, { cause });
    }
    await sleep(PAUSE_MS);
  }
}

/** Resolves once `isSo`. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  await insist(what, async () => {
    if (!(await isSo())) throw new Error('not yet');
  });
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const timeUp = sleep(limitMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no answer within ${limitMs} ms`);
  });
  timeUp.catch(() => undefined);
  try {
    return await Promise.race([work, timeUp]);
  } finally {
    over.abort();
  }
}
