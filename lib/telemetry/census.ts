import type { ElectionEvent } from '../events/event.ts';
import type { Clock } from '../platform/clock.ts';
import { Election } from './election.ts';
import {
  type CounterFamily,
  type Family,
  type GaugeFamily,
  type HistogramFamily,
  type Labels,
  families,
} from './families.ts';

/** Durations that belong together. `counts` has one more entry than there are bounds. */
export interface Durations {
  readonly counts: readonly number[];
  readonly sum: number;
}

/** A value with its labels. */
export interface Sample<T = number> {
  readonly labels: Labels;
  readonly value: T;
}

/** Values by their labels. */
class Series<T> {
  readonly #samples = new Map<string, { readonly labels: Labels; value: T }>();

  change(labels: Labels, initial: () => T, change: (value: T) => T): void {
    const key = JSON.stringify(labels);
    const known = this.#samples.get(key) ?? { labels, value: initial() };
    known.value = change(known.value);
    this.#samples.set(key, known);
  }

  get samples(): readonly Sample<T>[] {
    return [...this.#samples.values()];
  }

  clear(): void {
    this.#samples.clear();
  }
}

/** The elections of this process, and everything that is counted about them, from their events. */
export class Census {
  readonly #clock: Clock;
  readonly #running = new Map<
    string,
    { readonly election: Election; readonly about: ElectionEvent }
  >();
  /** The last leader of each lock, as its last election in this process has seen it. */
  readonly #leaders = new Map<string, string>();
  readonly #counts = new Map<Family, Series<number>>();
  readonly #durations = new Map<Family, Series<Durations>>();

  constructor(clock: Clock) {
    this.#clock = clock;
    for (const family of families) {
      if (family.type === 'counter') this.#counts.set(family, new Series());
      if (family.type === 'histogram') this.#durations.set(family, new Series());
    }
  }

  /** Takes an event into account. An observer's events are counted, but make no election. */
  note(event: ElectionEvent): void {
    const { mode, namespace, name, identity, type } = event;
    const lock = JSON.stringify([mode, namespace, name]);
    const key = JSON.stringify([lock, identity]);
    let election = this.#running.get(key)?.election;
    if (isBeginning(event)) {
      // A process that leads for life has an election for each of its terms.
      election ??= new Election(this.#clock, this.#leaders.get(lock) ?? '');
      this.#running.set(key, { election, about: event });
      this.#initialize(event);
    }
    const isNewLeader = election?.note(event) ?? false;
    for (const family of families) {
      if (family.type === 'counter') this.#count(family, event, isNewLeader);
      if (family.type === 'histogram') this.#measure(family, event);
    }
    if (type !== 'ended') return;
    this.#running.delete(key);
    if (election) this.#leaders.set(lock, election.leader);
  }

  /** What the elections that run have now. */
  gauge(family: GaugeFamily): readonly Sample[] {
    const series = new Series<number | undefined>();
    for (const { election, about } of this.#running.values()) {
      for (const { own = {}, value } of family.read(election)) {
        series.change(
          labelsOf(family, about, own),
          () => undefined,
          (known) => (known === undefined ? value : family.pick(known, value)),
        );
      }
    }
    return series.samples.map(({ labels, value = 0 }) => ({ labels, value }));
  }

  /** The counts since the start, also of elections that have ended. */
  counts(family: CounterFamily): readonly Sample[] {
    return this.#counts.get(family)?.samples ?? [];
  }

  durations(family: HistogramFamily): readonly Sample<Durations>[] {
    return this.#durations.get(family)?.samples ?? [];
  }

  /** Forgets what was counted; the elections go on. */
  reset(family: Family): void {
    this.#counts.get(family)?.clear();
    this.#durations.get(family)?.clear();
  }

  #initialize(event: ElectionEvent): void {
    for (const family of families) {
      if (family.type === 'counter' && family.initial) this.#add(family, event, family.initial, 0);
      if (family.type === 'histogram' && family.isInitial) {
        this.#change(family, event, (durations) => durations);
      }
    }
  }

  #count(family: CounterFamily, event: ElectionEvent, isNewLeader: boolean): void {
    const own = family.count(event, isNewLeader);
    if (own) this.#add(family, event, own, 1);
  }

  #add(family: CounterFamily, event: ElectionEvent, own: Labels, by: number): void {
    const labels = labelsOf(family, event, own);
    this.#counts.get(family)?.change(
      labels,
      () => 0,
      (count) => count + by,
    );
  }

  #measure(family: HistogramFamily, event: ElectionEvent): void {
    const seconds = family.measure(event);
    if (seconds === undefined) return;
    // Beyond every bound it is -1, which is the last count.
    const at = family.buckets.findIndex((bound) => seconds <= bound);
    this.#change(family, event, ({ counts, sum }) => ({
      counts: counts.with(at, (counts.at(at) ?? 0) + 1),
      sum: sum + seconds,
    }));
  }

  #change(
    family: HistogramFamily,
    event: ElectionEvent,
    change: (durations: Durations) => Durations,
  ): void {
    const length = family.buckets.length + 1;
    const none = () => ({ counts: Array.from({ length }, () => 0), sum: 0 });
    this.#durations.get(family)?.change(labelsOf(family, event), none, change);
  }
}

/** The events that only an election that runs has: refused calls fail, and do not run. */
function isBeginning({ type }: ElectionEvent): boolean {
  return type === 'started' || type === 'skipped' || type === 'waiting' || type === 'leading';
}

/** The labels of a value: those of the lock, then the family's own. */
export function labelsOf(family: Family, event: ElectionEvent, own: Labels = {}): Labels {
  const { name, namespace, mode } = event;
  return family.isOriginal ? { name, ...own } : { name, namespace, mode, ...own };
}
