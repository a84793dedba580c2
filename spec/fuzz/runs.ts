import { expect } from 'vitest';

/** More of them with `FUZZ_RUNS=N`, which multiplies; other values with `FUZZ_SEED=N`. */
const factor = Number(process.env['FUZZ_RUNS'] ?? 1);

/** How often to try what is tried `count` times in an ordinary run. */
export function runs(count: number): { readonly numRuns: number } {
  return { numRuns: Math.max(1, Math.round(count * factor)) };
}

/** How long so many runs may take on a machine that is shared: by far longer than they need. */
export const PATIENCE_MS = 600_000 * Math.max(1, factor);

const prototypes = [Object, Array, String, Number, Boolean, Function, Promise, Map, Error] as const;

/** Notes what nobody caught, and what has become of the built-in prototypes. */
export class Aftermath implements Disposable {
  readonly #escaped: unknown[] = [];
  readonly #before = namesOfPrototypes();
  readonly #note = (reason: unknown) => {
    this.#escaped.push(reason);
  };

  constructor() {
    process.on('unhandledRejection', this.#note);
    process.on('uncaughtException', this.#note);
  }

  check(): void {
    expect(this.#escaped).toEqual([]);
    expect(namesOfPrototypes()).toEqual(this.#before);
  }

  [Symbol.dispose](): void {
    process.off('unhandledRejection', this.#note);
    process.off('uncaughtException', this.#note);
  }
}

function namesOfPrototypes(): string[] {
  return prototypes.map(({ prototype }) => Object.getOwnPropertyNames(prototype).sort().join());
}
