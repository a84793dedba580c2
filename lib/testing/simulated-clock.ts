// The library loads it when a request fails; under this clock, that must take no time.
import 'p-retry';

import { checkPassing, checkSimulatedClockOptions } from './options.ts';
import type { SimulatedClockOptions } from './simulated-clock-options.ts';
import { TimerQueue } from './timer-queue.ts';
import type { Clock } from '../platform/clock.ts';
import { nodeProcess } from '../platform/node-process.ts';

const DEFAULT_DATE_MS = Date.UTC(2026, 0, 1);

// Code may alternate between promises and `process.nextTick`; each turn settles one alternation.
const TURNS = 4;

/** Resolves when all promises have settled; in a browser, messages come after them. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (nodeProcess?.nextTick) {
      nodeProcess.nextTick(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port2.addEventListener('message', () => {
      port2.close();
      resolve();
    });
    port2.start();
    port1.postMessage(undefined);
  });
}

/**
 * Time that passes only when told to, and randomness that follows from a seed: the same program
 * does the same every time, and an hour passes in an instant.
 *
 * Before and after each timer, everything settles that runs on promises and `process.nextTick`.
 * Real input and output does not: use the cluster's `transport()` with it, not its port.
 */
export class SimulatedClock implements Clock {
  readonly #startMs: number;
  #nowMs = 0;
  #suspendedMs = 0;
  #state: number;
  readonly #timers = new TimerQueue();

  constructor(options: SimulatedClockOptions = {}) {
    checkSimulatedClockOptions(options);
    const { seed = 1, date } = options;
    this.#state = seed | 0;
    this.#startMs = date?.getTime() ?? DEFAULT_DATE_MS;
  }

  /** Milliseconds since the beginning. */
  now(): number {
    return this.#nowMs;
  }

  /** As `now`, plus the time for which the machine was suspended. */
  boot(): number {
    return this.#nowMs + this.#suspendedMs;
  }

  /**
   * Simulates a suspension of the machine: no timer notices, but the wall and the boot clock do.
   */
  suspend(ms: number): void {
    checkPassing('ms', ms);
    this.#suspendedMs += ms;
  }

  date(): Date {
    return new Date(this.#startMs + this.#nowMs + this.#suspendedMs);
  }

  /** The next number of the seed's sequence (Mulberry32), in [0, 1). */
  random(): number {
    return this.#bits() / 2 ** 32;
  }

  /** A UUID of version 4 from the seed's sequence. */
  uuid(): string {
    const hex = Array.from({ length: 4 }, () => this.#bits().toString(16).padStart(8, '0'));
    const digits = hex.join('');
    const variant = '89ab'.charAt(this.#bits() % 4);
    return [
      digits.slice(0, 8),
      digits.slice(8, 12),
      `4${digits.slice(13, 16)}`,
      `${variant}${digits.slice(17, 20)}`,
      digits.slice(20),
    ].join('-');
  }

  after(ms: number, task: () => void): () => void {
    const timer = this.#timers.add(this.#nowMs + Math.max(ms, 0), task);
    return () => this.#timers.cancel(timer);
  }

  /** Number of waiting timers. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Resolves when everything has settled that needs no time to pass. */
  async settle(): Promise<void> {
    for (let count = 0; count < TURNS; count += 1) await turn();
  }

  /** Lets `ms` pass. Resolves when everything due by then has run and settled. */
  async advance(ms: number): Promise<void> {
    checkPassing('ms', ms);
    const untilMs = this.#nowMs + ms;
    await this.settle();
    while (this.#fire(untilMs)) await this.settle();
    this.#nowMs = untilMs;
  }

  /**
   * Lets time pass until `predicate` holds; it is called whenever everything has settled. Throws if
   * that takes more than `maxMs` (default one hour), or if there is nothing left to wait for.
   */
  async runUntil(predicate: () => boolean, maxMs = 3_600_000): Promise<void> {
    const untilMs = this.#nowMs + maxMs;
    await this.settle();
    while (!predicate()) {
      if (!this.#fire(untilMs)) {
        const why = this.#timers.size === 0 ? 'no timer is left' : `${maxMs} ms have passed`;
        throw new Error(`The simulation ended without what it was to reach: ${why}`);
      }
      await this.settle();
    }
  }

  /**
   * Lets time pass until no timer is left, at most `maxMs` (default one hour): open watches and
   * code that polls never end.
   */
  async run(maxMs = 3_600_000): Promise<void> {
    const untilMs = this.#nowMs + maxMs;
    await this.settle();
    while (this.#fire(untilMs)) await this.settle();
  }

  #fire(untilMs: number): boolean {
    const { first: timer } = this.#timers;
    if (!timer || timer.dueMs > untilMs) return false;
    this.#timers.shift();
    this.#nowMs = timer.dueMs;
    timer.task();
    return true;
  }

  #bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return (bits ^ (bits >>> 14)) >>> 0;
  }
}
