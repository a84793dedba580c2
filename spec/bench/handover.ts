import { setTimeout as sleep } from 'node:timers/promises';

import { Crew, anyTime, programs } from './lease/crew.ts';
import { BARE, Fleet, OURS, RELEASING, operatorLib } from './life/fleet.ts';
import type { Panel } from './plot.ts';
import {
  type Goal,
  type Table,
  atLeast,
  atMost,
  maximum,
  median,
  ms,
  span,
  spanHead,
  times,
} from './report.ts';
import { type Bench, type Situation, takeTurns } from './situation.ts';

/** What all programs store in the Lease. */
export const LEASE_DURATION_MS = 15_000;

/** A crash takes as long as a lease lasts: that many crews go through it at the same time. */
const CREWS = 10;

/** An elector that began to look after the last renewal cannot know when that was. */
const WATCHED_MS = 5_000;

/** How long nobody led, for each leader of a contender that went. */
interface Gaps {
  readonly program: string;
  /** From the end of the old leader's work to the beginning of the next one's. */
  readonly outageMs: readonly number[];
}

/** How long a lock or Lease was free, as the API server answered. */
export interface Handovers extends Gaps {
  readonly handoverMs: readonly number[];
}

/** How long a Lease was kept beyond what it says. */
interface Crashes extends Gaps {
  readonly beyondMs: readonly number[];
}

/** Deployments of real Pods: the leader's Pod is deleted, as by `kubectl delete pod`. */
export const podHandover: Situation<Bench, readonly Handovers[]> = {
  isDrawn: true,

  async measure(bench) {
    const fleets: Fleet[] = [];
    for (const program of [OURS, await operatorLib(bench), RELEASING, BARE]) {
      bench.progress(`Deployments: ${program.name} starts`);
      fleets.push(await Fleet.deploy(bench.cluster, program));
    }
    await takeTurns(bench, 'Deployments', bench.handovers ?? 20, fleets, (one) => one.handOver());
    return Promise.all(
      fleets.map(async (fleet) => ({ program: fleet.name, ...(await fleet.close()) })),
    );
  },

  report: (all) => ({
    title: 'Deployments of three Pods on a real node: the leader’s Pod is deleted',
    notes: [
      'Handover: from the deletion of the lock to its creation, as the API server’s audit log has them.',
      'Outage: from the last line that the old leader writes, as it ends on SIGTERM (with release():',
      'as it stops working), to the first line that the next leader writes; all on one clock.',
    ],
    table: gapTable('handover', all, ({ handoverMs }) => handoverMs),
    goals: podGoals(all),
    panels: [
      panel('Handover: the lock is deleted → the lock is created', all, (one) => one.handoverMs),
      panel(
        'Outage: the old leader ends on SIGTERM → the next leader’s first act',
        all.filter(({ program }) => program !== BARE.name),
        ({ outageMs }) => outageMs,
      ),
    ],
  }),
};

/** Three processes compete for a Lease; the leader gets SIGTERM, and releases it. */
export const release: Situation<Bench, readonly Handovers[]> = {
  isDrawn: true,

  async measure(bench) {
    const crews = await gather(bench);
    await releaseInTurns(bench, 'handover after release', crews, bench.handovers ?? 20);
    await Promise.all(crews.map((crew) => crew.end()));
    return crews.map((crew) => ({
      program: crew.name,
      handoverMs: crew.takeovers().map(({ sinceLastWriteMs }) => sinceLastWriteMs),
      outageMs: crew.outageMs,
    }));
  },

  report: (all) => ({
    title: 'Handover after a release: three processes, of which the leader’s gets SIGTERM',
    notes: [
      'Handover: from the release of the Lease to its acquisition, as the API server’s audit log has',
      'them. Outage: from the end of the old leader’s work to the beginning of the next one’s.',
    ],
    table: gapTable('handover', all, ({ handoverMs }) => handoverMs),
    goals: atMost(
      'median handover after a release',
      median(of(OURS.name, all)?.handoverMs ?? []),
      50,
      ms,
    ),
    panels: [
      panel('Three candidates: the Lease is released → acquired', all, (one) => one.handoverMs),
    ],
  }),
};

/** Three processes compete for each of ten Leases; all ten leaders are killed at once. */
export const crash: Situation<Bench, readonly Crashes[]> = {
  isDrawn: true,

  async measure(bench) {
    const { handovers = 20, progress } = bench;
    const crews: Crew[] = [];
    for (let count = 1; count <= Math.min(CREWS, handovers); count += 1) {
      progress(`takeover after a crash: crew ${count} of each program starts`);
      crews.push(...(await gather(bench)));
    }
    await crashAll(bench, 'takeover after a crash', crews, Math.ceil(handovers / CREWS));
    await Promise.all(crews.map((crew) => crew.end()));
    return [...Map.groupBy(crews, ({ name }) => name)].map(([program, own]) => ({
      program,
      beyondMs: own.flatMap((crew) =>
        crew.takeovers().map(({ sinceLastWriteMs }) => sinceLastWriteMs - LEASE_DURATION_MS),
      ),
      outageMs: own.flatMap(({ outageMs }) => outageMs),
    }));
  },

  report: (all) => ({
    title: 'Takeover after a crash: ten Leases, whose leaders are killed at the same time',
    notes: [
      'Beyond: from when the stored duration (15 s) had run out since the last renewal to the',
      'acquisition, as the API server’s audit log has them. Outage: from SIGKILL to the beginning of',
      'the next leader’s work; the last renewal was up to 2 s before.',
    ],
    table: gapTable('beyond', all, ({ beyondMs }) => beyondMs),
    goals: atMost(
      'takeover after a crash, longest beyond the stored duration',
      maximum(of(OURS.name, all)?.beyondMs ?? []),
      100,
      ms,
    ),
    panels: [
      panel(
        'Three candidates: the stored duration has run out → acquired',
        all,
        ({ beyondMs }) => beyondMs,
      ),
    ],
  }),
};

/** A crew of each program. */
export async function gather(
  bench: Bench,
  size?: { processes: number; electors: number },
): Promise<Crew[]> {
  const crews: Crew[] = [];
  for (const program of await programs(bench)) {
    crews.push(await Crew.gather(bench.cluster, program, size));
  }
  return crews;
}

export async function releaseInTurns(
  bench: Bench,
  what: string,
  crews: readonly Crew[],
  runs: number,
): Promise<void> {
  await takeTurns(bench, what, runs, crews, async (crew) => {
    if (crew === crews[0]) await anyTime(crews);
    await crew.succeed('SIGTERM');
    await crew.start();
  });
}

export async function crashAll(
  { progress }: Bench,
  what: string,
  crews: readonly Crew[],
  runs: number,
): Promise<void> {
  for (let run = 1; run <= runs; run += 1) {
    progress(`${what}: ${run} of ${runs}, ${LEASE_DURATION_MS / 1_000} s`);
    await Promise.all(crews.map((crew) => crew.settled()));
    await sleep(WATCHED_MS);
    await Promise.all(crews.map((crew) => crew.crash()));
  }
}

function podGoals(all: readonly Handovers[]): Goal[] {
  const handover = (program: string) => median(of(program, all)?.handoverMs ?? []);
  const ours = handover(OURS.name);
  return [
    ...atLeast(
      'Pods: median handover, faster than operator-lib',
      handover('operator-lib') / ours,
      20,
      times,
    ),
    ...atMost('Pods: median outage', median(of(OURS.name, all)?.outageMs ?? []), 250, ms),
    ...atMost(
      'Pods: median handover, compared with a bare client',
      ours / handover(BARE.name),
      1.5,
      times,
    ),
  ];
}

function of<G extends Gaps>(name: string, all: readonly G[]): G | undefined {
  return all.find(({ program }) => program === name);
}

function gapTable<G extends Gaps>(
  what: string,
  all: readonly G[],
  valuesOf: (gaps: G) => readonly number[],
): Table {
  return [
    ['', 'runs', ...spanHead(what), ...spanHead('outage')],
    ...all.map((gaps) => {
      const values = valuesOf(gaps);
      return [gaps.program, `${values.length}`, ...span(values), ...span(gaps.outageMs)];
    }),
  ];
}

export function panel<G extends { readonly program: string }>(
  title: string,
  all: readonly G[],
  valuesOf: (gaps: G) => readonly number[],
): Panel {
  const samples = all.map((gaps) => ({ name: gaps.program, valuesMs: valuesOf(gaps) }));
  return { title, samples };
}
