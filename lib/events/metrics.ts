/** Receives the metrics of an election. Follows client-go's `LeaderMetric`. */
export interface LeaderMetrics {
  /** The elector of this name leads. */
  on(name: string): void;
  /** The elector of this name does not lead. Also called when an elector is made. */
  off(name: string): void;
  /** A renewal had to read the lock first. */
  slowpathExercised(name: string): void;
}
