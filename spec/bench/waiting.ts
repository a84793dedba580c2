import { setTimeout as sleep } from 'node:timers/promises';

import type { Cluster } from '../cluster/state.ts';
import { AuditLog, type AuditedRequest } from './audit-log.ts';
import { Fleet, operatorLibProgram, ourProgram } from './fleet.ts';
import { type Goal, atLeast, times } from './goal.ts';
import type { Report } from './report.ts';
import { costliestLaterHour } from './requests.ts';
import { median } from './statistics.ts';

const HOUR_MS = 3_600_000;

/** A candidate that waits for so long has done what it does once, and backs off no further. */
const SETTLING_MS = 60_000;

/** What the waiting candidates of one fleet asked of the API server. */
export interface Waiting {
  readonly program: string;
  readonly windowMs: number;
  /** For each candidate, how many requests it made before the window: how it starts. */
  readonly before: readonly number[];
  /** For each candidate, how many in the window. */
  readonly within: readonly number[];
  /** Those in the window by kind, all candidates together. */
  readonly kinds: Readonly<Record<string, number>>;
}

/** Fleets in which nothing happens, for as long as others are measured. */
export class WaitingFleets {
  readonly #cluster: Cluster;
  readonly #fleets: readonly { fleet: Fleet; waiting: readonly string[] }[];
  readonly #windowStart: number;

  private constructor(
    cluster: Cluster,
    fleets: readonly { fleet: Fleet; waiting: readonly string[] }[],
  ) {
    this.#cluster = cluster;
    this.#fleets = fleets;
    this.#windowStart = Date.now() + SETTLING_MS;
  }

  static async deploy(cluster: Cluster): Promise<WaitingFleets> {
    const fleets = [];
    for (const program of [ourProgram, await operatorLibProgram(cluster)]) {
      const fleet = await Fleet.deploy(cluster, program);
      fleets.push({ fleet, waiting: (await fleet.settled()).waiting });
    }
    return new WaitingFleets(cluster, fleets);
  }

  /** Ends the window once it is as long as that, and removes the fleets. */
  async measure(leastMs: number, onProgress: (message: string) => void): Promise<Report> {
    const missingMs = this.#windowStart + leastMs - Date.now();
    if (missingMs > 0) {
      onProgress(`requests: ${Math.ceil(missingMs / 1_000)} s more`);
      await sleep(missingMs);
    }
    const windowEnd = Date.now();
    const all = this.#fleets.map(({ fleet, waiting }) => {
      const log = new AuditLog(this.#cluster.auditLog, fleet.scene.namespace);
      const requests = requestsWithin(log.read(), waiting, this.#windowStart, windowEnd);
      return { program: fleet.program.name, ...requests };
    });
    await Promise.all(this.#fleets.map(({ fleet }) => fleet.scene.close()));
    return report(all, await costliestLaterHour());
  }
}

/** The requests that bear the tokens of these Pods, each counted when it came in. */
export function requestsWithin(
  requests: readonly AuditedRequest[],
  podUids: readonly string[],
  windowStart: number,
  windowEnd: number,
): Omit<Waiting, 'program'> {
  const before = podUids.map(() => 0);
  const within = podUids.map(() => 0);
  const kinds: Record<string, number> = {};
  for (const { podUid = '', verb, resource, receivedTime } of requests) {
    const candidate = podUids.indexOf(podUid);
    if (candidate < 0 || receivedTime > windowEnd) continue;
    const counts = receivedTime < windowStart ? before : within;
    counts[candidate] = (counts[candidate] ?? 0) + 1;
    if (counts === before) continue;
    const kind = `${verb} ${resource}`;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return { windowMs: windowEnd - windowStart, before, within, kinds };
}

export function perHour({ within, windowMs }: Pick<Waiting, 'within' | 'windowMs'>): number {
  const sum = within.reduce((total, count) => total + count, 0);
  return ((sum / within.length) * HOUR_MS) / windowMs;
}

function report(all: readonly Waiting[], simulated: number): Report {
  const minutes = (all[0]?.windowMs ?? NaN) / 60_000;
  return {
    title: 'Requests of a waiting candidate, by the API server’s audit log',
    notes: [
      `Counted for ${minutes.toFixed(1)} minutes and extrapolated to an hour; the first minute is apart.`,
      `What happens more seldom may be missed: simulated, ours makes ${simulated} in its costliest later hour.`,
    ],
    table: [
      ['', 'candidates', 'first minute', 'counted', 'per hour', 'of which'],
      ...all.map((waiting) => [
        waiting.program,
        `${waiting.within.length}`,
        `${median(waiting.before)}`,
        waiting.within.join(', '),
        perHour(waiting).toFixed(1),
        Object.entries(waiting.kinds)
          .map(([kind, count]) => `${count} ${kind}`)
          .join(', '),
      ]),
    ],
    data: { fleets: all, simulatedHour: simulated },
    goals: goalsOf(all, simulated),
  };
}

/** Whichever is more of ours counts: what was seen, or what is known of longer times. */
export function goalsOf(all: readonly Waiting[], simulated: number): Goal[] {
  const [ours, operatorLib] = all.map(perHour);
  if (ours === undefined || operatorLib === undefined) return [];
  const fewer = operatorLib / Math.max(ours, simulated);
  return atLeast('requests of a waiting candidate, fewer than operator-lib', fewer, 20, times);
}
