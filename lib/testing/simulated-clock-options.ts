/** Options of a simulated clock. */
export interface SimulatedClockOptions {
  /** Seed of all randomness. @default 1 */
  readonly seed?: number;
  /** Wall time at the beginning. @default 2026-01-01T00:00:00Z */
  readonly date?: Date;
}
