import { parentPort } from 'node:worker_threads';
import { type Batch, playBatch } from './batch.ts';

/** One thread of the pool: plays what it is given, and says what it came to. */
parentPort?.on('message', ({ batch, first }: { batch: Batch; first: boolean }) => {
  void playBatch(batch, first).then((result) => {
    parentPort?.postMessage(result);
  });
});
