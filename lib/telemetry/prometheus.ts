import { having } from '../checks.ts';
import { badArgument } from '../errors.ts';
import { type Clock, systemClock } from '../platform/clock.ts';
import { Census } from './census.ts';
import { CollectedMetric } from './collected-metric.ts';
import { families } from './families.ts';
import type { MetricsRegistry } from './metrics-registry.ts';
import { onEveryEvent } from './subscription.ts';

export type { MetricsRegistry, RegisteredMetric } from './metrics-registry.ts';
export { TextRegistry } from './text-registry.ts';

/** Marks the metrics of every copy of this package; its value ends the collection. */
const stopped = Symbol.for('leader-for-life/metrics');

/**
 * Adds metrics of every election of this process to a registry, in both modes: see
 * `docs/monitoring.md`. Call it before the first election begins; elections that run already are
 * seen from their next event on. A second call for the same registry changes nothing.
 *
 * @param registry - a registry of `prom-client` 14 or later, or a `TextRegistry`
 * @returns a function that removes the metrics again
 * @throws `TypeError` if it is no registry, or if it has other metrics of one of these names
 *
 * @example
 * import { register } from 'prom-client';
 * collectElections(register);
 */
export function collectElections(registry: MetricsRegistry): () => void;
/** @internal */ // eslint-disable-next-line @typescript-eslint/unified-signatures
export function collectElections(registry: MetricsRegistry, clock: Clock): () => void;
export function collectElections(
  registry: MetricsRegistry,
  clock: Clock = systemClock,
): () => void {
  having(['registerMetric', 'getSingleMetric', 'removeSingleMetric'], 'a registry of prom-client')(
    'registry',
    registry,
  );
  for (const { name } of families) {
    const known = registry.getSingleMetric(name);
    if (known === undefined) continue;
    const stop = (known as { readonly [stopped]?: () => void })[stopped];
    if (stop) return stop;
    throw badArgument(
      `registry has another metric ${name}. Remove the code that registers it: collectElections ` +
        'provides it.',
    );
  }
  const census = new Census(clock);
  const unsubscribe = onEveryEvent((event) => {
    census.note(event);
  });
  const stop = () => {
    unsubscribe();
    for (const { name } of families) registry.removeSingleMetric(name);
  };
  for (const family of families) {
    registry.registerMetric(
      Object.assign(new CollectedMetric(family, census), { [stopped]: stop }),
    );
  }
  return stop;
}
