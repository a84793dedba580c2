import type { Cluster } from '../cluster/state.ts';
import { candidateImage } from '../scenarios/image.ts';
import type { CandidateOptions } from '../scenarios/manifest.ts';
import { Scene } from '../scenarios/scene.ts';
import { operatorLibProgram } from './fleet.ts';
import { type Report, ms } from './report.ts';
import { maximum, median, minimum } from './statistics.ts';

const RUNS = 10;

/** A program that asks for a lock that nobody has. */
interface Caller {
  readonly name: string;
  readonly candidate: CandidateOptions;
  readonly callMs: number[];
}

/** How long it takes a process to lead when nobody else wants to. */
export async function measureCall(
  cluster: Cluster,
  onProgress: (message: string) => void,
): Promise<Report> {
  const operatorLib = await operatorLibProgram(cluster);
  const loaded = { name: 'NODE_OPTIONS', value: '--import=@kubernetes/client-node' };
  const callers: Caller[] = [
    { name: 'leader-for-life', candidate: {}, callMs: [] },
    { name: 'leader-for-life, client-node loaded', candidate: { env: [loaded] }, callMs: [] },
    { name: operatorLib.name, candidate: operatorLib.candidate, callMs: [] },
  ];
  const scene = await Scene.open(cluster, await candidateImage(cluster));
  for (let run = 1; run <= RUNS; run += 1) {
    for (const [index, { name, candidate, callMs }] of callers.entries()) {
      onProgress(`a call that nobody contests: ${name}, ${run} of ${RUNS}`);
      callMs.push(await call(scene, `caller-${index}-${run}`, candidate));
    }
  }
  await scene.close();
  return {
    title: 'A call that nobody contests, in a new process',
    notes: [
      'From the call to its result, by the process’s own clock. The first call of a process loads',
      'client-node, unless the app has done so already.',
    ],
    table: [
      ['', 'runs', 'min', 'median', 'max'],
      ...callers.map(({ name, callMs }) => [
        name,
        `${callMs.length}`,
        ...[minimum(callMs), median(callMs), maximum(callMs)].map(ms),
      ]),
    ],
    data: callers.map(({ name, callMs }) => ({ program: name, callMs })),
  };
}

async function call(scene: Scene, pod: string, candidate: CandidateOptions): Promise<number> {
  await scene.pod(pod, candidate);
  const leading = await scene.said(pod, 'leading');
  const start = await scene.said(pod, 'start');
  await scene.deletePod(pod);
  await scene.gone(leading);
  await scene.until('the lock is gone', async () => !(await scene.lock()));
  return leading.atMs - start.atMs;
}
