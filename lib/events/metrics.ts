/** Where an election's figures go. Follows client-go's `LeaderMetric`. */
export interface LeaderMetrics {
  /** The elector of this name leads. */
  on(name: string): void;
  /** It does not; also called when it is made. */
  off(name: string): void;
  /** A renewal had to read the lock first. */
  slowpathExercised(name: string): void;
}
