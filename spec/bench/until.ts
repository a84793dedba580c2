import { setTimeout as sleep } from 'node:timers/promises';

/** For all that is awaited: nothing here is about how fast the machine is. */
const PATIENCE_MS = 180_000;
const POLL_MS = 20;

/** Resolves with what `probe` finds, once it does; rejects with what it throws. */
export async function until<T>(
  what: string,
  probe: () => T | undefined,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  for (const deadline = performance.now() + patienceMs; performance.now() < deadline;) {
    const found = probe();
    if (found !== undefined) return found;
    await sleep(POLL_MS);
  }
  throw new Error(`this did not happen within ${patienceMs} ms: ${what}`);
}
