import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Batch, BatchResult } from './batch.ts';

/** Enough that handing them out costs nothing, and few enough that nobody waits long at the end. */
const BATCH_SIZE = 20;

/** How much to play. */
export interface Work extends Pick<Batch, 'seed' | 'modes'> {
  readonly schedules: number | undefined;
  readonly untilMs: number | undefined;
  readonly first: boolean;
  readonly workers: number | undefined;
}

/**
 * Plays schedules on all cores. Which ones there are does not depend on who plays them; results
 * come in the order of their numbers, and with `first` none follows a batch with a violation.
 */
export async function playAll(work: Work): Promise<BatchResult[]> {
  const { seed, modes, schedules = Number.POSITIVE_INFINITY, untilMs, first } = work;
  const count = work.workers ?? availableParallelism();
  const results: BatchResult[] = [];
  let from = 0;
  let isDone = false;
  const take = (): readonly [place: number, Batch] | undefined => {
    if (untilMs !== undefined && performance.now() >= untilMs) isDone = true;
    if (isDone || from >= schedules) return undefined;
    const to = Math.min(from + BATCH_SIZE, schedules);
    const batch = { seed, modes, from, to };
    const place = from / BATCH_SIZE;
    from = to;
    return [place, batch];
  };
  const run = async () => {
    const worker = new Worker(new URL('worker.ts', import.meta.url), {
      // A run leaves much garbage, and all of it dies young.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
    });
    try {
      for (let next = take(); next; next = take()) {
        const [place, batch] = next;
        worker.postMessage({ batch, first });
        const [result] = (await once(worker, 'message')) as [BatchResult];
        results[place] = result;
        if (first && result.failing.length > 0) isDone = true;
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: count }, run));
  return results;
}
