import type { Clock } from './clock.ts';
import { printable } from './log.ts';

/** Nobody should have to guess why a process that waits for its API server does nothing. */
const TROUBLE_MS = 10_000;

/** Warnings of the process about one call, of each kind at most one. */
export class Warnings {
  readonly #clock: Clock;
  readonly #warn: (message: string, code: string) => void;
  readonly #given = new Set<string>();
  #troubleSinceMs: number | undefined;

  constructor(clock: Clock, warn: (message: string, code: string) => void) {
    this.#clock = clock;
    this.#warn = warn;
  }

  /** Gives one of this kind, unless there was one; its code is `LEADER_FOR_LIFE_KIND`. */
  give(kind: string, message: string): void {
    if (this.#given.has(kind)) return;
    this.#given.add(kind);
    const code = `LEADER_FOR_LIFE_${kind.replace('-', '_').replace(/[A-Z]/g, '_$&').toUpperCase()}`;
    this.#warn(message.split('\n').map(printable).join('\n'), code);
  }

  /** Whether there has been trouble for long, as of this request; undefined says that it is over. */
  isTroubled(trouble: unknown): boolean {
    if (trouble === undefined) {
      this.#troubleSinceMs = undefined;
      return false;
    }
    this.#troubleSinceMs ??= this.#clock.now();
    return this.#clock.now() - this.#troubleSinceMs >= TROUBLE_MS;
  }
}
