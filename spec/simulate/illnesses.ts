/** How the health check of an ill candidate behaves. */
export const symptoms = ['fails', 'throws', 'never answers'] as const;
export type Symptom = (typeof symptoms)[number];

interface Illness {
  readonly symptom: Symptom;
  /** Nothing that mends the world mends this. */
  readonly isIncurable: boolean;
}

/** Which slots are ill, as the health checks of their candidates find out. */
export class Illnesses {
  readonly #bySlot = new Map<number, readonly Illness[]>();

  /** Until the function that it returns is called. */
  strike(slot: number, symptom: Symptom, isIncurable = false): () => void {
    const illness = { symptom, isIncurable };
    this.#bySlot.set(slot, [...this.#of(slot), illness]);
    return () => {
      this.#keep(slot, (other) => other !== illness);
    };
  }

  /** The last one; undefined while it is well. */
  symptomOf(slot: number): Symptom | undefined {
    return this.#of(slot).at(-1)?.symptom;
  }

  isIncurable(slot: number): boolean {
    return this.#of(slot).some((illness) => illness.isIncurable);
  }

  cure(): void {
    for (const slot of this.#bySlot.keys()) this.#keep(slot, ({ isIncurable }) => isIncurable);
  }

  readonly notice = (): void => undefined;

  #of(slot: number): readonly Illness[] {
    return this.#bySlot.get(slot) ?? [];
  }

  #keep(slot: number, isKept: (illness: Illness) => boolean): void {
    this.#bySlot.set(slot, this.#of(slot).filter(isKept));
  }
}
