import { Worker } from 'node:worker_threads';
import type { Chronicle } from './trouble.ts';
import { recoveryMs } from './recovery.ts';

const EVERY_MS = 20;
const LATE_MS = 250;

/** A thread that does nothing but wake up: if it is late, so is every candidate on the machine. */
const SLEEPER = `
const { parentPort } = require('node:worker_threads');
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
let lastMs = nowMs();
setInterval(() => {
  const atMs = nowMs();
  if (atMs - lastMs > ${EVERY_MS + LATE_MS}) parentPort.postMessage([lastMs, atMs]);
  lastMs = atMs;
}, ${EVERY_MS});
`;

/** Measures for how long the machine itself stood still, so that exactly that is forgiven. */
export class Watchdog {
  readonly #worker: Worker;

  constructor(chronicle: Chronicle) {
    this.#worker = new Worker(SLEEPER, { eval: true });
    this.#worker.on('message', ([fromMs, toMs]: [number, number]) => {
      const trouble = { kind: 'machine stalls', target: 'the machine', isMeant: false };
      chronicle.note({ ...trouble, excuses: recoveryMs }, fromMs, toMs);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
