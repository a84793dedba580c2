import { clientGo } from '../../scenarios/go-images.ts';
import { candidateImage } from '../../scenarios/image.ts';
import { CAUSES, type Contender, OURS, crash } from '../../scenarios/lease-crash.ts';
import { Scene } from '../../scenarios/scene.ts';
import type { Panel } from '../plot.ts';
import { atMost, maximum, median, ms, tail, tailHead } from '../report.ts';
import { type Bench, type Situation, takeTurns } from '../situation.ts';

/** The leader of a program ended in that way, that many times. */
interface Crashes {
  readonly program: string;
  readonly cause: string;
  /** From the last act of the old leader to the first of the next one. */
  readonly outageMs: number[];
  /** From the start of the next leader's process to its first act. */
  readonly sinceStartMs: number[];
}

const OUR_NAME = 'leader-for-life';
const RUNS = 5;
/** Both programs act as often. */
const heartbeat = { name: 'HEARTBEAT_MS', value: '5' };

/** Pods compete for a Lease of 15 s; the leader ends and releases nothing. */
export const podCrash: Situation<Bench, readonly Crashes[]> = {
  isDrawn: true,

  async measure(bench) {
    const { cluster, handovers = RUNS } = bench;
    const ours = { ...OURS, candidate: { ...OURS.candidate, env: [heartbeat] } };
    const image = await candidateImage(cluster);
    const theirs = { candidate: await clientGo(cluster, ['--anew']) };
    const turns = Object.entries(CAUSES).map(([cause, how]) => {
      const crashes = (program: string, contender: Contender) => {
        const figures: Crashes = { program, cause, outageMs: [], sinceStartMs: [] };
        return { figures, contender, how };
      };
      const pair = [crashes(OUR_NAME, ours), crashes('client-go', theirs)];
      return { name: cause, pair };
    });
    await takeTurns(bench, 'crash', handovers, turns, ({ pair }) =>
      // At the same time: one of them has little more to do than to wait.
      Promise.all(
        pair.map(async ({ figures, contender, how }) => {
          const scene = await Scene.open(cluster, image, { pods: { watched: true } });
          const { gapMs, sinceStartMs } = await crash(scene, how, contender);
          figures.outageMs.push(gapMs);
          figures.sinceStartMs.push(sinceStartMs);
          await scene.close();
        }),
      ),
    );
    return turns.flatMap(({ pair }) => pair.map(({ figures }) => figures));
  },

  report(all) {
    const ours = all.filter(({ program }) => program === OUR_NAME);
    const isAlone = ({ cause }: Crashes) => cause === 'only replica killed';
    const outages = ours.filter((one) => !isAlone(one)).flatMap(({ outageMs }) => outageMs);
    const restarts = ours.filter(isAlone);
    const what = 'crash, another replica takes over';
    return {
      title: 'Pods compete for a Lease of 15 s: the leader ends and releases nothing',
      notes: [
        'Outage: from the last act of the old leader to the first of the next one, on one clock.',
        'Two replicas, except for the only replica, whose next leader is its own next process.',
      ],
      table: [
        ['the leader’s Pod is', '', 'runs', ...tailHead('outage')],
        ...all.map(({ cause, program, outageMs }) => {
          return [cause, program, `${outageMs.length}`, ...tail(outageMs)];
        }),
      ],
      goals: [
        ...atMost(`${what}: median outage`, median(outages), 600, ms),
        ...atMost(`${what}: longest outage`, maximum(outages), 1_500, ms),
        ...atMost(
          'only replica killed: longest from the start of its next process until it leads',
          maximum(restarts.flatMap(({ sinceStartMs }) => sinceStartMs)),
          1_000,
          ms,
        ),
      ],
      panels: [crashPanel(all)],
    };
  },
};

function crashPanel(all: readonly Crashes[]): Panel {
  return {
    title: 'Crash: the last act of the old leader → the first of the next one, Lease of 15 s',
    samples: all.map(({ program, cause, outageMs }) => {
      return { name: program, row: cause, valuesMs: outageMs };
    }),
  };
}
