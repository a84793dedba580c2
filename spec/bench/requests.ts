import { Simulation } from '../life/simulation.ts';
import type { Report } from './report.ts';

const HOUR_MS = 3_600_000;
const HOURS = 24;

/** How many requests there were of each kind, for example of `create configmaps`. */
type Tally = Readonly<Record<string, number>>;

/** The requests of one candidate and one leader. */
interface Day {
  readonly uncontested: Tally;
  /** Hour by hour. */
  readonly waiting: readonly Tally[];
  readonly leading: readonly Tally[];
}

/** What leader election costs the API server. */
export async function measureRequests(): Promise<Report> {
  const { uncontested, waiting, leading } = await simulateDay();
  const [first = {}, ...later] = waiting;
  return {
    title: 'Requests to the API server, in simulated time',
    notes: [],
    table: [
      ['', 'requests', 'of which'],
      row('a call that nobody contests', uncontested),
      row('the first hour of waiting', first),
      row(`the costliest of ${HOURS - 1} later hours`, costliest(later)),
      row(`the costliest of ${HOURS} hours of leading`, costliest(leading)),
    ],
    data: { uncontested, waiting, leading },
  };
}

/** How many requests a candidate makes in an hour of waiting, at most, after the first one. */
export async function costliestLaterHour(): Promise<number> {
  const { waiting } = await simulateDay();
  return sum(costliest(waiting.slice(1)));
}

/** A day passes in an instant. */
async function simulateDay(): Promise<Day> {
  const simulation = await Simulation.create();
  for (const name of ['leader', 'candidate']) {
    simulation.cluster.createPod(name, { labels: { app: 'bench' } });
  }
  await simulation.settled(simulation.become('leader'));
  const uncontested = tally(simulation, 'leader');
  void simulation.become('candidate');
  const waiting: Tally[] = [];
  const leading: Tally[] = [];
  for (let hour = 0; hour < HOURS; hour += 1) {
    simulation.cluster.requests.clear();
    await simulation.clock.advance(HOUR_MS);
    waiting.push(tally(simulation, 'candidate'));
    leading.push(tally(simulation, 'leader'));
  }
  await simulation.cluster.close();
  return { uncontested, waiting, leading };
}

/** The requests of this Pod on record. */
function tally(simulation: Simulation, user: string): Tally {
  const counts: Record<string, number> = {};
  for (const { verb, resource } of simulation.cluster.requests.filter({ user })) {
    const kind = `${verb} ${resource}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function costliest(hours: readonly Tally[]): Tally {
  return hours.reduce((most, hour) => (sum(hour) > sum(most) ? hour : most), {});
}

function sum(counts: Tally): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function row(name: string, counts: Tally): string[] {
  const kinds = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  return [name, `${sum(counts)}`, kinds.join(', ')];
}
