/** The latest of some value, and whoever waits until it is a certain one. */
export class Signpost<T> {
  #value: T | undefined;
  readonly #waiting = new Set<() => void>();

  set(value: T): void {
    this.#value = value;
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves as soon as it points there. */
  reaches(value: T): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.#value !== value) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}
