/**
 * The states that were seen, in 22 bytes each: 64 bits of a hash of what a state is, and by which move of
 * which other state it was first reached. Of ten million states, two have the same hash by accident with
 * a probability of 3 in a million; one of them would then be left out.
 */
export class Visited {
  #size = 0;
  #slots = new Uint32Array(1 << 16);
  #low = new Uint32Array(1 << 15);
  #high = new Uint32Array(1 << 15);
  #parents = new Uint32Array(1 << 15);
  #moves = new Uint16Array(1 << 15);

  get size(): number {
    return this.#size;
  }

  /** Returns its number, and whether it was not there before. */
  add(key: string, parent: number, move: number): readonly [id: number, isNew: boolean] {
    const [low, high] = hash(key);
    const mask = this.#slots.length - 1;
    let slot = low & mask;
    for (let taken = this.#slots[slot]; taken; taken = this.#slots[slot]) {
      if (this.#low[taken - 1] === low && this.#high[taken - 1] === high) {
        return [taken - 1, false];
      }
      slot = (slot + 1) & mask;
    }
    const id = this.#size++;
    if (id >= this.#low.length) this.#grow();
    this.#low[id] = low;
    this.#high[id] = high;
    this.#parents[id] = parent;
    this.#moves[id] = move;
    this.#slots[slot] = id + 1;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    return [id, true];
  }

  /** Which move of each state on the way leads to this one, from the first on. */
  path(id: number): number[] {
    const moves: number[] = [];
    for (let at = id; at !== 0; at = this.#parents[at] ?? 0) moves.push(this.#moves[at] ?? 0);
    return moves.reverse();
  }

  #grow(): void {
    this.#low = doubled(this.#low);
    this.#high = doubled(this.#high);
    this.#parents = doubled(this.#parents);
    const moves = new Uint16Array(this.#moves.length * 2);
    moves.set(this.#moves);
    this.#moves = moves;
  }

  #rehash(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const mask = this.#slots.length - 1;
    for (let id = 0; id < this.#size; id++) {
      let slot = (this.#low[id] ?? 0) & mask;
      while (this.#slots[slot]) slot = (slot + 1) & mask;
      this.#slots[slot] = id + 1;
    }
  }
}

function doubled(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const twice = new Uint32Array(array.length * 2);
  twice.set(array);
  return twice;
}

/** Two 32-bit hashes that are mixed at the end, as in cyrb53. */
function hash(text: string): readonly [low: number, high: number] {
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    low = Math.imul(low ^ code, 2654435761);
    high = Math.imul(high ^ code, 1597334677);
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  return [low >>> 0, high >>> 0];
}
