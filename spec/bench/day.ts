import { Simulation } from '../life/simulation.ts';
import { LeaseProcess } from '../lease/simulation.ts';
import type { Options, Situation } from './situation.ts';

const HOUR_MS = 3_600_000;
const HOURS = 24;

/** How many requests there were of each kind, for example of `create configmaps`. */
export type Tally = Readonly<Record<string, number>>;

/** The requests of one leader and one candidate, hour by hour. */
interface Hours<T> {
  readonly leading: readonly T[];
  readonly waiting: readonly T[];
}

/** The requests of leader for life, and of the call before, which nobody contests. */
interface LifeDay extends Hours<Tally> {
  readonly uncontested: Tally;
}

export type LeaseDay = Hours<number>;

/** What leader election costs the API server, in simulated time. */
export const requests: Situation<Options, LifeDay> = {
  measure: simulateLifeDay,
  report: ({ uncontested, waiting, leading }) => ({
    title: 'Requests to the API server, in simulated time',
    table: [
      ['', 'requests', 'of which'],
      ...(
        [
          ['a call that nobody contests', uncontested],
          ['the first hour of waiting', waiting[0] ?? {}],
          [`the costliest of ${HOURS - 1} later hours`, costliest(waiting.slice(1))],
          [`the costliest of ${HOURS} hours of leading`, costliest(leading)],
        ] as const
      ).map(([name, tally]) => [name, `${sum(tally)}`, kindsOf(tally)]),
    ],
  }),
};

/** A day of leader for life; it passes in an instant. */
async function simulateLifeDay(): Promise<LifeDay> {
  const simulation = await Simulation.create();
  for (const name of ['leader', 'candidate']) {
    simulation.cluster.createPod(name, { labels: { app: 'bench' } });
  }
  await simulation.settled(simulation.become('leader'));
  const uncontested = tallyOf(simulation, 'leader');
  void simulation.become('candidate');
  return { uncontested, ...(await passDay(simulation)) };
}

/** How many requests a candidate makes in an hour of waiting, at most, after the first one. */
export async function costliestLaterHour(): Promise<number> {
  const { waiting } = await simulateLifeDay();
  return sum(costliest(waiting.slice(1)));
}

/** A day of lease mode, with the default durations, which all contenders have. */
export async function simulateLeaseDay(): Promise<LeaseDay> {
  const simulation = await Simulation.create();
  const stop = new AbortController();
  const leader = new LeaseProcess(simulation, 'leader').elector();
  const candidate = new LeaseProcess(simulation, 'candidate').elector();
  const running = [leader.run(stop.signal)];
  await simulation.clock.runUntil(() => leader.isLeader());
  running.push(candidate.run(stop.signal));
  const { leading, waiting } = await passDay(simulation);
  stop.abort();
  await simulation.clock.run();
  await Promise.all(running);
  return { leading: leading.map(sum), waiting: waiting.map(sum) };
}

async function passDay(simulation: Simulation): Promise<Hours<Tally>> {
  const leading: Tally[] = [];
  const waiting: Tally[] = [];
  for (let hour = 0; hour < HOURS; hour += 1) {
    simulation.cluster.requests.clear();
    await simulation.clock.advance(HOUR_MS);
    leading.push(tallyOf(simulation, 'leader'));
    waiting.push(tallyOf(simulation, 'candidate'));
  }
  return { leading, waiting };
}

function tallyOf({ cluster }: Simulation, user: string): Tally {
  return tally(cluster.requests.filter({ user }));
}

export function tally(requests: Iterable<{ verb: string; resource: string }>): Tally {
  const kinds = Map.groupBy(requests, ({ verb, resource }) => `${verb} ${resource}`);
  return Object.fromEntries([...kinds].map(([kind, { length }]) => [kind, length]));
}

function costliest(hours: readonly Tally[]): Tally {
  return hours.reduce((most, hour) => (sum(hour) > sum(most) ? hour : most), {});
}

function sum(counts: Tally): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function kindsOf(counts: Tally): string {
  return Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}
