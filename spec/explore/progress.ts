/** Which states lead to which, so that those can be found from which there is no way on. */
export class Progress {
  /** Pairs: from where, to where. */
  #edges = new Uint32Array(1 << 16);
  #length = 0;
  readonly #settled: number[] = [];

  leads(from: number, to: number): void {
    if (this.#length === this.#edges.length) {
      const twice = new Uint32Array(this.#length * 2);
      twice.set(this.#edges);
      this.#edges = twice;
    }
    this.#edges[this.#length++] = from;
    this.#edges[this.#length++] = to;
  }

  settled(state: number): void {
    this.#settled.push(state);
  }

  /** The first state, of the given number, from which no settled state can be reached. */
  stuck(states: number): number | undefined {
    const isFine = new Uint8Array(states);
    const { starts, sources } = this.#backwards(states);
    const open = [...this.#settled];
    for (const state of open) isFine[state] = 1;
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      for (let at = starts[state] ?? 0; at < (starts[state + 1] ?? 0); at++) {
        const source = sources[at] ?? 0;
        if (isFine[source]) continue;
        isFine[source] = 1;
        open.push(source);
      }
    }
    const first = isFine.indexOf(0);
    return first < 0 ? undefined : first;
  }

  /** For each state, from which states it is reached: those between its start and the next one's. */
  #backwards(states: number) {
    const starts = new Uint32Array(states + 1);
    for (let at = 1; at < this.#length; at += 2) raise(starts, (this.#edges[at] ?? 0) + 1, 1);
    for (let state = 0; state < states; state++) raise(starts, state + 1, starts[state] ?? 0);
    const next = starts.slice();
    const sources = new Uint32Array(this.#length / 2);
    for (let at = 0; at < this.#length; at += 2) {
      const to = this.#edges[at + 1] ?? 0;
      sources[next[to] ?? 0] = this.#edges[at] ?? 0;
      raise(next, to, 1);
    }
    return { starts, sources };
  }
}

function raise(array: Uint32Array, at: number, by: number): void {
  array[at] = (array[at] ?? 0) + by;
}
