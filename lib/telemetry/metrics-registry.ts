/** What a registry needs to know of a metric. */
export interface RegisteredMetric {
  /** The metric with its values. */
  get(): Promise<object>;
  /** Forgets what was counted. */
  reset(): void;
}

/** The part of a registry of `prom-client` that is used. */
export interface MetricsRegistry {
  /** Adds a metric. */
  registerMetric(metric: RegisteredMetric): void;
  /** The metric of this name, if there is one. */
  getSingleMetric(name: string): unknown;
  /** Removes the metric of this name. */
  removeSingleMetric(name: string): void;
}
