import type { Clock } from '../platform/clock.ts';
import { type Instant, type Proof, leftMs, provenMs } from '../protocol/validity.ts';
import { deadlineSignal } from './term-signal.ts';

export interface TermOptions {
  readonly clock: Clock;
  /** From before the last successful renewal was sent; undefined without an election. */
  readonly proven: (() => Proof) | undefined;
  /** The error when it has run out. */
  readonly expired: () => Error;
}

/** One time of leading. Whether it lasts is computed from the clock when asked, not by a timer. */
export class Term {
  readonly #options: TermOptions;
  readonly #controller = new AbortController();
  readonly #lost = Promise.withResolvers<Error>();
  readonly #steppingDown = Promise.withResolvers<Error>();
  /** Resolves with the error if leadership is lost. */
  readonly lost = this.#lost.promise;
  /** Resolves with the error if this elector steps down. */
  readonly steppingDown = this.#steppingDown.promise;
  /** For the work: aborts when leadership ends, for any reason. */
  readonly signal: AbortSignal;
  #isOver = false;
  #error: Error | undefined;
  #cancel: () => void = () => undefined;

  constructor(options: TermOptions) {
    this.#options = options;
    this.signal = deadlineSignal(this.#controller, () => {
      this.#judge();
    });
    this.#arm();
  }

  /** Why leadership was lost, if it was. */
  get error(): Error | undefined {
    return this.#error;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether this elector is proven to lead now. */
  get isProven(): boolean {
    return this.remainingMs() > 0;
  }

  /** Milliseconds for which leadership is proven; 0 if it is not. */
  remainingMs(): number {
    this.#judge();
    if (this.#isOver) return 0;
    const proof = this.#options.proven?.();
    return proof ? provenMs(proof, proof.forMs, this.#now()) : Number.POSITIVE_INFINITY;
  }

  /** Milliseconds since the last successful renewal was sent. */
  unrenewedMs(): number {
    const { proven } = this.#options;
    return proven ? -leftMs(proven(), 0, this.#now()) : 0;
  }

  /** Asks the work to end; leadership goes on until it has. */
  end(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Asks the work to end, so that another elector can lead. False if it was asked before. */
  stepDown(error: Error): boolean {
    if (this.signal.aborted) return false;
    this.end(error);
    this.#steppingDown.resolve(error);
    return true;
  }

  /** Leadership is lost. */
  lose(error: Error): void {
    if (this.#isOver) return;
    this.#error = error;
    this.close(error);
    this.#lost.resolve(error);
  }

  /** Leadership is over. */
  close(reason: unknown): void {
    this.#isOver = true;
    this.#cancel();
    this.#controller.abort(reason);
  }

  #judge(): void {
    if (!this.#isOver && this.#leftMs() <= 0) this.lose(this.#options.expired());
  }

  #arm(): void {
    const leftNowMs = this.#leftMs();
    if (leftNowMs === Number.POSITIVE_INFINITY) return;
    this.#cancel = this.#options.clock.after(Math.max(leftNowMs, 0), () => {
      this.#judge();
      if (!this.#isOver) this.#arm();
    });
  }

  #leftMs(): number {
    const proof = this.#options.proven?.();
    return proof ? leftMs(proof, proof.forMs, this.#now()) : Number.POSITIVE_INFINITY;
  }

  #now(): Instant {
    const { clock } = this.#options;
    return { nowMs: clock.now(), bootMs: clock.boot() };
  }
}
