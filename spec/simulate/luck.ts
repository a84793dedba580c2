/**
 * Randomness that follows from a seed. Whoever needs some forks luck of his own for a purpose, so
 * that who draws more, or is left out, shifts nobody else's.
 */
export class Luck {
  readonly #seed: number;
  #state: number;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#state = scramble(this.#seed);
  }

  /** Luck that follows from this one's seed and the purpose alone, however much was drawn. */
  fork(...purpose: readonly (string | number)[]): Luck {
    return new Luck(this.seed(...purpose));
  }

  /** The seed of such a fork. */
  seed(...purpose: readonly (string | number)[]): number {
    let hash = scramble(this.#seed ^ 0x9e3779b9);
    for (const character of purpose.join('/')) {
      hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
    }
    return scramble(hash);
  }

  /** In [0, 1), Mulberry32. */
  number(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both bounds included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.number() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.number() < probability;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('there is nothing to pick from');
    return items[Math.floor(this.number() * items.length)] as T;
  }

  /** Each of them with this probability, in their order. */
  some<T>(items: readonly T[], probability: number): T[] {
    return items.filter(() => this.chance(probability));
  }
}

function scramble(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
