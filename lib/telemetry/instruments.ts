import type { ElectionEvent } from '../events/event.ts';
import type { Clock } from '../platform/clock.ts';
import { attributesOf } from './attributes.ts';
import { Census, type Sample, labelsOf } from './census.ts';
import { type Family, type Labels, families } from './families.ts';
import type { ElectionMeter, Observation, ObservableInstrument } from './telemetry.ts';

/** The metrics of every election as instruments of a meter. */
export class Instruments {
  readonly #census: Census;
  readonly #histograms: ((event: ElectionEvent) => void)[] = [];
  readonly #removals: (() => void)[] = [];

  constructor(clock: Clock, meter: ElectionMeter) {
    this.#census = new Census(clock);
    for (const family of families) this.#add(meter, family);
  }

  note(event: ElectionEvent): void {
    this.#census.note(event);
    for (const record of this.#histograms) record(event);
  }

  close(): void {
    for (const remove of this.#removals) remove();
  }

  #add(meter: ElectionMeter, family: Family): void {
    const { meterName, help: description } = family;
    if (family.type === 'gauge') {
      const { unit } = family;
      const gauge = meter.createObservableGauge(meterName, { description, ...(unit && { unit }) });
      this.#observe(gauge, () => this.#census.gauge(family));
    } else if (family.type === 'counter') {
      const counter = meter.createObservableCounter(meterName, { description });
      this.#observe(counter, () => this.#census.counts(family));
    } else {
      const { unit, buckets, measure } = family;
      const advice = { explicitBucketBoundaries: [...buckets] };
      const histogram = meter.createHistogram(meterName, { description, unit, advice });
      this.#histograms.push((event) => {
        const value = measure(event);
        if (value !== undefined) histogram.record(value, attributesOf(labelsOf(family, event)));
      });
    }
  }

  #observe(instrument: ObservableInstrument, samples: () => readonly Sample[]): void {
    const seen = new Map<string, Labels>();
    const callback = (observation: Observation) => {
      const gone = new Map(seen);
      for (const { labels, value } of samples()) {
        const key = JSON.stringify(labels);
        seen.set(key, labels);
        gone.delete(key);
        observation.observe(value, attributesOf(labels));
      }
      // The SDK repeats the last value of a gauge for ever if there is none.
      for (const labels of gone.values()) observation.observe(0, attributesOf(labels));
    };
    instrument.addCallback(callback);
    this.#removals.push(() => {
      instrument.removeCallback(callback);
    });
  }
}
