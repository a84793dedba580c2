import { parentPort } from 'node:worker_threads';
import { type Batch, playBatch } from './batch.ts';

// Errors are ordinary here, and nobody looks where they come from.
Error.stackTraceLimit = 0;

/** One thread of the pool: plays what it is given, and says what it came to. */
parentPort?.on('message', ({ batch, first }: { batch: Batch; first: boolean }) => {
  void playBatch(batch, first).then((result) => parentPort?.postMessage(result));
});
