import type { Clock } from './clock.ts';
import { printableLines } from './printable.ts';

/** After this long, a process that waits for its API server says so. */
const TROUBLE_MS = 10_000;

/** Process warnings about one call, at most one of each kind. */
export class Warnings {
  readonly #clock: Clock;
  readonly #warn: (message: string, code: string) => void;
  readonly #given = new Set<string>();
  #failingSinceMs: number | undefined;

  constructor(clock: Clock, warn: (message: string, code: string) => void) {
    this.#clock = clock;
    this.#warn = warn;
  }

  /**
   * Gives a warning of this kind, unless there was one. Returns its code, `LEADER_FOR_LIFE_KIND`.
   */
  give(kind: string, message: string): string | undefined {
    if (this.#given.has(kind)) return undefined;
    this.#given.add(kind);
    const code = `LEADER_FOR_LIFE_${kind.replace('-', '_').replace(/[A-Z]/g, '_$&').toUpperCase()}`;
    this.#warn(printableLines(message), code);
    return code;
  }

  /** A request failed. Returns whether no request has succeeded for long. */
  failed(): boolean {
    this.#failingSinceMs ??= this.#clock.now();
    return this.#clock.now() - this.#failingSinceMs >= TROUBLE_MS;
  }

  /** A request succeeded. Returns whether the one before it had failed. */
  succeeded(): boolean {
    const wasFailing = this.#failingSinceMs !== undefined;
    this.#failingSinceMs = undefined;
    return wasFailing;
  }
}
