import { clientGo, operatorLib } from '../../scenarios/go-images.ts';
import { candidateImage } from '../../scenarios/image.ts';
import { Rollout, type RolloutOptions, type Strategy } from '../../scenarios/rolling-update.ts';
import { Scene } from '../../scenarios/scene.ts';
import { atLeast, maximum, tail, tailHead } from '../report.ts';
import { type Bench, type Situation, takeTurns } from '../situation.ts';

/** What rolling updates of a Deployment did to leadership. */
interface Updates {
  readonly program: string;
  /** How the program is configured, if it matters. */
  readonly how?: string;
  readonly strategy: string;
  readonly outageMs: number[];
  readonly handovers: number[];
  /** How many had one handover, straight to a new Pod. */
  direct: number;
}

type Program = Pick<Updates, 'program' | 'how'> & Pick<RolloutOptions, 'candidate' | 'isSilent'>;

const STRATEGIES: Readonly<Record<string, Strategy>> = {
  'one Pod after the other': { maxSurge: 1, maxUnavailable: 0 },
  'all Pods at once': { maxSurge: 0, maxUnavailable: 3 },
};
const RUNS = 10;
const OURS = 'leader-for-life';
const NEWEST = 'newest';
const rights = { pods: { marks: true, prefers: true, watched: true } };

async function programsFor({ cluster }: Bench): Promise<Program[]> {
  const newest = { deletionCost: 1_000, preference: 'newest' } as const;
  const life = { onSigterm: 'release' } as const;
  const lease = { ...life, election: 'lead' } as const;
  return [
    { program: OURS, how: `life, ${NEWEST}`, candidate: { ...life, become: newest } },
    { program: OURS, how: `lease, ${NEWEST}`, candidate: { ...lease, become: newest } },
    { program: OURS, how: 'life, no preference', candidate: life },
    { program: OURS, how: 'lease, no preference', candidate: lease },
    { program: 'operator-lib', candidate: await operatorLib(cluster), isSilent: true },
    { program: 'client-go', candidate: await clientGo(cluster, ['--release-on-cancel']) },
  ];
}

/** Deployments of three get new Pods; what the leader can do on SIGTERM, it does. */
export const rollout: Situation<Bench, readonly Updates[]> = {
  isDrawn: true,

  async measure(bench) {
    const all: Updates[] = [];
    for (const [strategy, how] of Object.entries(STRATEGIES)) {
      all.push(...(await measureUpdates(bench, { name: strategy, ...how })));
    }
    return all;
  },

  report: (all) => ({
    title: 'Rolling updates of Deployments of three Pods',
    notes: [
      'Direct: one handover, straight to a new Pod. Outage: from the last act of a leader to the first',
      'of the next one, for all handovers of an update together.',
    ],
    table: [
      ['', 'update', 'updates', 'direct', 'handovers, mean', 'max', ...tailHead('outage')],
      ...all.map((updates) => [
        nameOf(updates),
        updates.strategy,
        `${updates.handovers.length}`,
        `${updates.direct}`,
        mean(updates.handovers).toFixed(1),
        `${maximum(updates.handovers)}`,
        ...tail(updates.outageMs),
      ]),
    ],
    goals: all
      .filter(({ how = '' }) => how.includes(NEWEST))
      .flatMap(({ how = '', strategy, direct, handovers }) => {
        const share = direct / handovers.length;
        return atLeast(`${how}, ${strategy}: one handover, to a new Pod`, share, 0.95, percent);
      }),
    panels: Object.keys(STRATEGIES).map((strategy) => ({
      title: `Rolling update, ${strategy}: how long nobody leads, all handovers together`,
      samples: all
        .filter((updates) => updates.strategy === strategy)
        .map(({ program, how, outageMs }) => {
          return { name: program, valuesMs: outageMs, ...(how && { row: how }) };
        }),
    })),
  }),
};

async function measureUpdates(
  bench: Bench,
  { name: strategy, ...sizes }: Strategy & { readonly name: string },
): Promise<readonly Updates[]> {
  const image = await candidateImage(bench.cluster);
  const teams = await Promise.all(
    (await programsFor(bench)).map(async ({ candidate, isSilent = false, ...program }) => {
      const own: Updates = { ...program, strategy, outageMs: [], handovers: [], direct: 0 };
      const scene = await Scene.open(bench.cluster, image, rights);
      const updated = await Rollout.begin(scene, { candidate, isSilent, ...sizes });
      return { name: `${nameOf(own)}, ${strategy}`, own, scene, updated };
    }),
  );
  const runs = bench.handovers ?? RUNS;
  await takeTurns(bench, 'rolling update', runs, teams, async ({ own, updated }) => {
    const { leaders, isDirect, outageMs } = await updated.update();
    own.handovers.push(leaders.length);
    own.outageMs.push(outageMs);
    if (isDirect) own.direct += 1;
  });
  await Promise.all(teams.map(({ scene }) => scene.close()));
  return teams.map(({ own }) => own);
}

function nameOf({ program, how }: Pick<Updates, 'program' | 'how'>): string {
  return how === undefined ? program : `${program}, ${how}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
