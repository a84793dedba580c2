import { Worker } from 'node:worker_threads';
import type { Chronicle, Effects } from './trouble.ts';
import { HARMLESS_MS, delayed, stood, unanswered } from './recovery.ts';

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

/**
 * Measures for how long the machine itself stood still, so that exactly that is forgiven: all of it, or this
 * program, through which the candidates' requests go.
 */
export class Watchdog {
  readonly #worker: Worker;
  readonly #own: NodeJS.Timeout;

  constructor(chronicle: Chronicle, nowMs: () => number) {
    const note = (kind: string, long: Effects, fromMs: number, toMs: number) => {
      const effects = toMs - fromMs > HARMLESS_MS ? long : delayed;
      const trouble = { kind, target: '', isMeant: false, effects };
      chronicle.note(trouble, fromMs, toMs);
    };
    this.#worker = new Worker(SLEEPER, { eval: true });
    this.#worker.on('message', ([fromMs, toMs]: [number, number]) => {
      note('machine stalls', stood, fromMs, toMs);
    });
    let lastMs = nowMs();
    this.#own = setInterval(() => {
      const atMs = nowMs();
      if (atMs - lastMs > EVERY_MS + LATE_MS) note('this program stalls', unanswered, lastMs, atMs);
      lastMs = atMs;
    }, EVERY_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#own);
    await this.#worker.terminate();
  }
}
