/** Options of a simulated clock. */
export interface SimulatedClockOptions {
  /** Seed of all randomness. Default 1. */
  readonly seed?: number;
  /** Wall time at the beginning. Default 2026-01-01T00:00:00Z. */
  readonly date?: Date;
}
