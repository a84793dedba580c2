import { bareContender } from './bare-contender.ts';
import { becomeContender } from './become-contender.ts';
import type { Contender } from './contender.ts';
import { Crowd } from './crowd.ts';
import { type Goal, atMost, times } from './goal.ts';
import { type Report, ms, ratio } from './report.ts';
import { maximum, median } from './statistics.ts';
import type { Cause, Handover, Requests, Target } from './target.ts';

export interface HandoverOptions {
  readonly sizes: readonly number[];
  /** Of each kind; the default is less for large crowds, which take long to calm down. */
  readonly handovers: number | undefined;
  /** @default all that the contender can cope with */
  readonly causes?: readonly Cause[];
  readonly onProgress: (message: string) => void;
}

interface Aim {
  readonly takenMs: number;
  readonly creates?: number;
}

/** On two cores. */
const AIMS: ReadonlyMap<number, Aim> = new Map([
  [3, { takenMs: 25 }],
  [100, { takenMs: 150, creates: 30 }],
  [1_000, { takenMs: 1_000, creates: 250 }],
]);

/** The size at which the library is compared with the floor, and how close it should be. */
const FLOOR_SIZE = 3;
const FLOOR_AIM = 1.5;

/** One way of handing over, measured several times. */
interface Series {
  readonly contender: Contender;
  readonly size: number;
  readonly cause: Cause;
  readonly handovers: (Handover & Requests)[];
}

/** How long a lock is free, and what it costs until it is taken. */
export async function measureHandover(target: Target, options: HandoverOptions): Promise<Report> {
  const all: Series[] = [];
  for (const size of options.sizes) all.push(...(await measureSize(target, size, options)));
  return {
    title: `Handover on the ${target.description}`,
    notes: [
      'Median and maximum: from the deletion of the lock to its creation, as the server sees it.',
      'Freed: before that, from the end of the Pod to the deletion of the lock.',
      'Creates and deletes: requests per handover, median and maximum; the goal is for the latter.',
      ...floorNote(all),
    ],
    table: [
      [
        ...['candidates', 'Pod', 'runs', 'freed', 'median', 'max', 'goal', 'ratio'],
        ...['creates', 'goal', 'ratio', 'deletes'],
      ],
      ...all.map(row),
    ],
    data: all.map(({ contender, ...series }) => ({ contender: contender.name, ...series })),
    goals: goalsOf(all),
  };
}

/** Takes turns, so that what else goes on in the machine meets everybody. */
async function measureSize(
  target: Target,
  size: number,
  options: HandoverOptions,
): Promise<Series[]> {
  const { handovers = size < 100 ? 20 : size < 1_000 ? 10 : 5, onProgress } = options;
  const wanted = options.causes ?? ['deleted', 'ended'];
  const contenders = size === FLOOR_SIZE ? [becomeContender, bareContender] : [becomeContender];
  const all = contenders.flatMap((contender) => {
    const causes = wanted.filter((cause) => contender.succeedsEnded || cause === 'deleted');
    return causes.map((cause): Series => ({ contender, size, cause, handovers: [] }));
  });
  const crowds = new Map<Contender, Crowd>();
  try {
    for (const contender of contenders) {
      onProgress(`${size} candidates: ${contender.name} starts`);
      crowds.set(contender, await Crowd.gather(await target.createArena(), contender, size));
    }
    for (let run = 1; run <= handovers; run += 1) {
      onProgress(`${size} candidates: ${run} of ${handovers}`);
      for (const { contender, cause, handovers: done } of all) {
        const crowd = crowds.get(contender);
        if (crowd) done.push(await crowd.handOver(cause));
      }
    }
  } finally {
    for (const crowd of crowds.values()) crowd.stop();
  }
  return all;
}

function row({ contender, size, cause, handovers }: Series): string[] {
  const taken = handovers.map(({ takenMs }) => takenMs);
  const creates = handovers.map((handover) => handover.creates);
  const deletes = handovers.map((handover) => handover.deletes);
  const aim = contender === becomeContender ? AIMS.get(size) : undefined;
  return [
    contender === becomeContender ? `${size}` : `${size}, ${contender.name}`,
    cause,
    `${handovers.length}`,
    ms(median(handovers.map(({ freedMs }) => freedMs))),
    ms(median(taken)),
    ms(maximum(taken)),
    aim ? ms(aim.takenMs) : '',
    ratio(median(taken), aim?.takenMs),
    `${median(creates)}, ${maximum(creates)}`,
    aim?.creates === undefined ? '' : `${aim.creates}`,
    ratio(maximum(creates), aim?.creates),
    `${median(deletes)}, ${maximum(deletes)}`,
  ];
}

function goalsOf(all: readonly Series[]): Goal[] {
  const own = all.filter((series) => series.contender === becomeContender);
  const goals = own.flatMap(({ size, cause, handovers }) => {
    const aim = AIMS.get(size);
    const taken = median(handovers.map((handover) => handover.takenMs));
    const most = maximum(handovers.map((handover) => handover.creates));
    const who = `${size} candidates, Pod ${cause}`;
    return [
      ...atMost(`${who}: median handover`, taken, aim?.takenMs, ms),
      ...atMost(`${who}: most creates in a handover`, most, aim?.creates, String),
    ];
  });
  const compared = `${FLOOR_SIZE} candidates: median handover, compared with a bare client`;
  return [...goals, ...atMost(compared, timesTheFloor(all), FLOOR_AIM, times)];
}

function floorNote(all: readonly Series[]): string[] {
  const ratio = timesTheFloor(all);
  if (Number.isNaN(ratio)) return [];
  return [
    `The floor is a bare client: ${FLOOR_SIZE} candidates take ${ratio.toFixed(2)} times as long ` +
      `(goal: at most ${FLOOR_AIM}).`,
  ];
}

function timesTheFloor(all: readonly Series[]): number {
  const taken = (contender: Contender) => {
    const series = all.find(
      (other) =>
        other.contender === contender && other.cause === 'deleted' && other.size === FLOOR_SIZE,
    );
    return median(series?.handovers.map(({ takenMs }) => takenMs) ?? []);
  };
  return taken(becomeContender) / taken(bareContender);
}
