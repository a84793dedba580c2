import type { CollectedMetric, MetricValue } from './collected-metric.ts';
import type { Labels } from './families.ts';
import type { MetricsRegistry, RegisteredMetric } from './metrics-registry.ts';

/**
 * A registry for programs without `prom-client`: prints the metrics of elections as text for
 * Prometheus.
 */
export class TextRegistry implements MetricsRegistry {
  readonly #metrics = new Map<string, RegisteredMetric>();

  /** Value of the header `Content-Type` for the text. */
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';

  /** Adds a metric; `collectElections` calls it. */
  registerMetric(metric: RegisteredMetric): void {
    this.#metrics.set((metric as CollectedMetric).name, metric);
  }

  /** The metric of this name, if there is one. */
  getSingleMetric(name: string): unknown {
    return this.#metrics.get(name);
  }

  /** Removes the metric of this name. */
  removeSingleMetric(name: string): void {
    this.#metrics.delete(name);
  }

  /** Resolves with all metrics as text. */
  async metrics(): Promise<string> {
    const metrics = await Promise.all([...this.#metrics.values()].map((metric) => metric.get()));
    return (metrics as readonly CollectedMetric[]).map(textOf).join('\n');
  }
}

function textOf({ name, help, type, values }: CollectedMetric): string {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...values.map(lineOf), ''].join('\n');
}

function lineOf({ metricName, labels, value }: MetricValue): string {
  return `${metricName}${bracesOf(labels)} ${value}`;
}

function bracesOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('"', String.raw`\"`);
}
