import { type Cause, type Target, createNode } from './arena.ts';
import { LEASE_DURATION_MS, crashAll, gather, releaseInTurns } from './handover.ts';
import { startInProcessTarget } from './in-process-target.ts';
import { Crowd, type Handover, bareContender, becomeContender } from './life/crowd.ts';
import { type Goal, atMost, maximum, median, ms, times } from './report.ts';
import { type Bench, type Options, type Situation, takeTurns } from './situation.ts';
import type { Takeover } from './takeovers.ts';

/** On two cores. */
const AIMS: ReadonlyMap<number, { takenMs: number; creates?: number }> = new Map([
  [3, { takenMs: 25 }],
  [100, { takenMs: 150, creates: 30 }],
  [1_000, { takenMs: 1_000, creates: 250 }],
]);

/** The size at which the library is compared with the floor. */
const FLOOR_SIZE = 3;

/** The leader's process goes, with all its electors: the others compete. */
const PROCESSES = 10;
const RELEASES = 10;
const CRASHES = 5;

/** One way of handing over a lock among candidates in this process. */
interface Series {
  readonly contender: string;
  readonly size: number;
  readonly cause: Cause;
  readonly handovers: readonly Handover[];
}

/** Candidates in this process compete for a lock of a cluster in another. */
export const inProcessHerd: Situation<Options, readonly Series[]> = {
  async measure(options) {
    await using target = await startInProcessTarget();
    return await measureHerd(target, options, ['deleted', 'ended']);
  },
  report: (all) => report('the in-process API server (HTTP/1.1 without TLS)', all),
};

/** The same on a real API server. */
export const herd: Situation<Bench, readonly Series[]> = {
  measure: (bench) => measureHerd(bench.cluster, bench, ['deleted']),
  report: (all) => report('a real API server', all),
};

async function measureHerd(
  target: Target,
  options: Options,
  causes: readonly Cause[],
): Promise<Series[]> {
  await createNode(target);
  const all: Series[] = [];
  for (const size of options.sizes) {
    // Large crowds take long to calm down.
    const { handovers = size < 100 ? 20 : size < 1_000 ? 10 : 5, progress } = options;
    const crowds: Crowd[] = [];
    for (const contender of size === FLOOR_SIZE
      ? [becomeContender, bareContender]
      : [becomeContender]) {
      progress(`${size} candidates: ${contender.name} starts`);
      crowds.push(await Crowd.gather(target, contender, size));
    }
    const turns = crowds.flatMap((crowd) =>
      causes
        .filter((cause) => crowd.contender.causes.includes(cause))
        .map((cause) => ({ crowd, name: crowd.contender.name, cause, done: [] as Handover[] })),
    );
    await takeTurns(
      options,
      `${size} candidates`,
      handovers,
      turns,
      async ({ crowd, cause, done }) => {
        done.push(await crowd.handOver(cause));
      },
    );
    for (const crowd of crowds) crowd.stop();
    all.push(
      ...turns.map(({ name, cause, done }) => ({ contender: name, size, cause, handovers: done })),
    );
  }
  return all;
}

function report(target: string, all: readonly Series[]) {
  return {
    title: `Handover among many candidates, on ${target}`,
    notes: [
      'From the deletion of the lock to its creation, as the API server saw it. Creates: requests in a',
      'handover. The candidates are in one process; no process belongs to their Pods.',
    ],
    table: [
      ['candidates', 'runs', 'median', 'max', 'creates, median', 'creates, max'],
      ...all.map(({ contender, size, cause, handovers }) => {
        const taken = handovers.map(({ takenMs }) => takenMs);
        const creates = handovers.map((handover) => handover.creates);
        return [
          `${size}${contender === 'become' ? '' : `, ${contender}`}${cause === 'deleted' ? '' : `, Pod ${cause}`}`,
          `${handovers.length}`,
          ...[median(taken), maximum(taken)].map(ms),
          ...[median(creates), maximum(creates)].map(String),
        ];
      }),
    ],
    goals: goalsOf(all),
  };
}

function goalsOf(all: readonly Series[]): Goal[] {
  const taken = ({ handovers }: Series) => median(handovers.map(({ takenMs }) => takenMs));
  const goals = all.flatMap((series) => {
    const { contender, size, cause, handovers } = series;
    const aim = contender === becomeContender.name ? AIMS.get(size) : undefined;
    const most = maximum(handovers.map(({ creates }) => creates));
    const who = `${size} candidates, Pod ${cause}`;
    return [
      ...atMost(`${who}: median handover`, taken(series), aim?.takenMs, ms),
      ...atMost(`${who}: most creates in a handover`, most, aim?.creates, String),
    ];
  });
  const [ours = NaN, floor = NaN] = all
    .filter(({ cause, size }) => cause === 'deleted' && size === FLOOR_SIZE)
    .map(taken);
  const compared = `${FLOOR_SIZE} candidates: median handover, compared with a bare client`;
  return [...goals, ...atMost(compared, ours / floor, 1.5, times)];
}

/** A way of taking over a Lease that was seen several times. */
interface Stampede {
  readonly program: string;
  readonly size: number;
  readonly cause: 'release' | 'crash';
  /** Since the release, or since the stored duration ran out. */
  readonly takenMs: readonly number[];
  /** Writes that were tried, the one that won among them. */
  readonly attempts: readonly number[];
}

/** Many candidates compete for one Lease. */
export const leaseHerd: Situation<Bench, readonly Stampede[]> = {
  isDrawn: true,

  async measure(bench) {
    const all: Stampede[] = [];
    for (const size of bench.sizes) all.push(...(await measureStampedes(bench, size)));
    return all;
  },

  report(all) {
    const panels = Map.groupBy(all, ({ size, cause }) => {
      const begin =
        cause === 'release' ? 'the Lease is released' : 'the stored duration has run out';
      return `${size} candidates: ${begin} → acquired`;
    });
    return {
      title: 'Many candidates for one Lease',
      notes: [
        'Taken: from the release, or from when the stored duration had run out since the last renewal,',
        'to the acquisition. Attempts: writes per takeover, the one that won among them. There are ten',
        'processes, of which the leader’s goes: the candidates in the others compete.',
      ],
      table: [
        ['candidates', '', 'after a', 'runs', 'taken: median', 'max', 'attempts: median', 'max'],
        ...all.map(({ program, size, cause, takenMs, attempts }) => [
          `${size}`,
          program,
          cause,
          `${takenMs.length}`,
          ...[median(takenMs), maximum(takenMs)].map(ms),
          ...[median(attempts), maximum(attempts)].map(String),
        ]),
      ],
      panels: [...panels].map(([title, own]) => ({
        title,
        samples: own.map(({ program, takenMs }) => ({ name: program, valuesMs: takenMs })),
      })),
    };
  },
};

async function measureStampedes(bench: Bench, size: number): Promise<Stampede[]> {
  const processes = Math.min(PROCESSES, size);
  const what = `${size} candidates for a Lease`;
  bench.progress(`${what} start`);
  const crews = await gather(bench, { processes, electors: Math.ceil(size / processes) });
  const { handovers: releases = RELEASES, handovers: crashes = CRASHES } = bench;
  await releaseInTurns(bench, `${what}, release`, crews, releases);
  await crashAll(bench, `${what}, crash`, crews, Math.min(crashes, CRASHES));
  await Promise.all(crews.map((crew) => crew.end()));
  return crews.flatMap((crew) => {
    const takeovers = crew.takeovers();
    const stampede = (cause: Stampede['cause'], own: readonly Takeover[], heldMs: number) => ({
      ...{ program: crew.name, size, cause },
      takenMs: own.map(({ sinceLastWriteMs }) => sinceLastWriteMs - heldMs),
      attempts: own.map(({ attempts }) => attempts),
    });
    return [
      stampede('release', takeovers.slice(0, releases), 0),
      stampede('crash', takeovers.slice(releases), LEASE_DURATION_MS),
    ];
  });
}
