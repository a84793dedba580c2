import { setTimeout as sleep } from 'node:timers/promises';

import { Crew, anyTime, programs } from './lease/crew.ts';
import { BARE, Fleet, OURS, RELEASING, operatorLib } from './life/fleet.ts';
import type { Panel } from './plot.ts';
import {
  type Report,
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

/** What happened each time that a leader of this program went. */
interface Gaps {
  readonly program: string;
  /** From the end of the old leader's work to the beginning of the next one's. */
  readonly outageMs: readonly number[];
  /** How long the lock or Lease was free, as the API server answered. */
  readonly handoverMs?: readonly number[];
  /** How long the Lease of a leader that crashed was kept beyond what it says. */
  readonly beyondMs?: readonly number[];
}

type Key = 'handoverMs' | 'beyondMs' | 'outageMs';

/** Deployments of real Pods: the leader's Pod is deleted, as by `kubectl delete pod`. */
export const podHandover: Situation<Bench, readonly Gaps[]> = {
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

  report(all) {
    const [ours, operator, bare] = [OURS.name, 'operator-lib', BARE.name].map((program) =>
      medianOf(all, program, 'handoverMs'),
    ) as [number, number, number];
    const outage = medianOf(all, OURS.name, 'outageMs');
    const handOver = 'Pods: median handover';
    return {
      title: 'Deployments of three Pods on a real node: the leader’s Pod is deleted',
      notes: [
        'Handover: from the deletion of the lock to its creation, as the API server’s audit log has them.',
        'Outage: from the last line that the old leader writes, as it ends on SIGTERM (with release():',
        'as it stops working), to the first line that the next leader writes; all on one clock.',
      ],
      table: gapTable(all, 'handoverMs'),
      goals: [
        ...atLeast(`${handOver}, faster than operator-lib`, operator / ours, 20, times),
        ...atMost('Pods: median outage', outage, 250, ms),
        ...atMost(`${handOver}, compared with a bare client`, ours / bare, 1.5, times),
      ],
      panels: [
        gapPanel('Handover: the lock is deleted → the lock is created', all, 'handoverMs'),
        gapPanel(
          'Outage: the old leader ends on SIGTERM → the next leader’s first act',
          all.filter(({ program }) => program !== BARE.name),
          'outageMs',
        ),
      ],
    };
  },
};

/** Three processes compete for a Lease; the leader gets SIGTERM, and releases it. */
export const release: Situation<Bench, readonly Gaps[]> = {
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
    table: gapTable(all, 'handoverMs'),
    goals: atMost(
      'median handover after a release',
      medianOf(all, OURS.name, 'handoverMs'),
      50,
      ms,
    ),
    panels: [gapPanel('Three candidates: the Lease is released → acquired', all, 'handoverMs')],
  }),
};

/** Three processes compete for each of ten Leases; all ten leaders are killed at once. */
export const crash: Situation<Bench, readonly Gaps[]> = {
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
      beyondMs: own
        .flatMap((crew) => crew.takeovers())
        .map(({ sinceLastWriteMs }) => sinceLastWriteMs - LEASE_DURATION_MS),
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
    table: gapTable(all, 'beyondMs'),
    goals: atMost(
      'takeover after a crash, longest beyond the stored duration',
      maximum(valuesOf(all, OURS.name, 'beyondMs')),
      100,
      ms,
    ),
    panels: [
      gapPanel('Three candidates: the stored duration has run out → acquired', all, 'beyondMs'),
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

function valuesOf(all: readonly Gaps[], name: string, key: Key): readonly number[] {
  return all.find(({ program }) => program === name)?.[key] ?? [];
}

function medianOf(all: readonly Gaps[], name: string, key: Key): number {
  return median(valuesOf(all, name, key));
}

function gapTable(all: readonly Gaps[], key: Key): Report['table'] {
  return [
    ['', 'runs', ...spanHead(key.replace('Ms', '')), ...spanHead('outage')],
    ...all.map(({ program, outageMs, [key]: values = [] }) => {
      return [program, `${values.length}`, ...span(values), ...span(outageMs)];
    }),
  ];
}

function gapPanel(title: string, all: readonly Gaps[], key: Key): Panel {
  const samples = all.map(({ program, [key]: values = [] }) => {
    return { name: program, valuesMs: values };
  });
  return { title, samples };
}
