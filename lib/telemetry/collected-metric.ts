import type { Census, Durations, Sample } from './census.ts';
import type { Family, Labels } from './families.ts';

/** A line of a metric. */
export interface MetricValue {
  readonly labels: Labels;
  readonly value: number;
  /** The metric's name, with a suffix for the parts of a histogram. */
  readonly metricName: string;
}

/** A metric as registries ask for it: what prom-client's own metrics have in common. */
export class CollectedMetric {
  readonly help: string;
  readonly type: Family['type'];
  readonly aggregator: 'sum' | 'max' | 'min';
  /** Not fixed: for OpenMetrics, prom-client cuts `_total` off. */
  name: string;
  readonly #family: Family;
  readonly #census: Census;

  constructor(family: Family, census: Census) {
    this.#family = family;
    this.#census = census;
    this.name = family.name;
    this.help = family.help;
    this.type = family.type;
    const isLeast = family.type === 'gauge' && family.pick === Math.min;
    this.aggregator = family.type !== 'gauge' ? 'sum' : isLeast ? 'min' : 'max';
  }

  /** The metric with its values of now. */
  get() {
    const { name, help, type, aggregator } = this;
    return Promise.resolve({ name, help, type, aggregator, values: this.values });
  }

  /** Forgets what was counted. */
  reset(): void {
    this.#census.reset(this.#family);
  }

  get values(): readonly MetricValue[] {
    const family = this.#family;
    const { name: metricName } = this;
    switch (family.type) {
      case 'gauge':
        return this.#census.gauge(family).map((sample) => ({ ...sample, metricName }));
      case 'counter':
        return this.#census.counts(family).map((sample) => ({ ...sample, metricName }));
      case 'histogram':
        return this.#census
          .durations(family)
          .flatMap((sample) => histogramOf(sample, metricName, family.buckets));
    }
  }
}

function histogramOf(
  { labels, value: { counts, sum } }: Sample<Durations>,
  name: string,
  bounds: readonly number[],
): readonly MetricValue[] {
  let count = 0;
  const buckets = [...bounds.map(String), '+Inf'].map((le, index) => {
    count += counts[index] ?? 0;
    return { labels: { ...labels, le }, value: count, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ];
}
