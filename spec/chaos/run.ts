import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { get } from '../cluster/api.ts';
import type { Cluster } from '../cluster/state.ts';
import { together } from '../cluster/together.ts';
import { nowMs } from '../lab/say.ts';
import { Scene } from '../scenarios/scene.ts';
import { Luck } from '../simulate/luck.ts';
import { controlPlaneFaults } from './control-plane-faults.ts';
import { Crew, NODE } from './crew.ts';
import { dismissAll } from './dismissal.ts';
import type { Evidence } from './evidence.ts';
import { insist, until } from './insist.ts';
import { FaultProxy } from './fault-proxy.ts';
import { tcpSocketsOf } from './leaks.ts';
import { lineFaults } from './line-faults.ts';
import { PodCrew } from './pod-crew.ts';
import { podFaults } from './pod-faults.ts';
import { policyFaults } from './policy-faults.ts';
import { Probe } from './probe.ts';
import { processFaults } from './process-faults.ts';
import type { FaultKind, Stage } from './stage.ts';
import { Chronicle, type Mode, type Trouble } from './trouble.ts';
import { Watchdog } from './watchdog.ts';

const SIZE = 3;
const OK = 200;
/** An episode that begins has so long, or the run takes longer than it was told to. */
const EPISODE_MS = 45_000;
/** Requests and watches of a candidate share one connection; some more may come and go. */
const MOST_SOCKETS = 4;
/** How likely a group of faults has a part in an episode. */
const SHARE = 0.45;
/** Between two episodes nothing is done for so long: whoever leads then has no reason to stop. */
const QUIET_MS = { least: 2_000, most: 6_000 };
/** Between one look after processes that have ended and the next. */
const TEND_MS = 500;

export interface RunOptions {
  readonly cluster: Cluster;
  readonly minutes: number;
  readonly seed: number;
  readonly modes: readonly Mode[];
  /** Ends the run early. */
  readonly signal: AbortSignal;
  /** In every process that it starts. */
  readonly mark: string;
  readonly report: (line: string) => void;
}

/** What a run leaves to be judged. */
export interface Outcome {
  readonly seed: number;
  readonly evidence: readonly Evidence[];
  readonly troubles: readonly Trouble[];
  readonly originMs: number;
  readonly episodes: number;
  readonly leftOut: ReadonlyMap<string, string>;
  /** Why it did not go on to its end, if it did not. */
  readonly failure: unknown;
  /** What candidates had too much of when all was well again. */
  readonly leftovers: readonly string[];
}

const kinds: readonly FaultKind[] = [
  ...processFaults,
  ...controlPlaneFaults,
  ...policyFaults,
  ...lineFaults,
  ...podFaults,
];

/** Plays episodes of trouble until the time is up: trouble, healing, proof that somebody leads. */
export async function run(options: RunOptions): Promise<Outcome> {
  const { cluster, minutes, seed, modes, signal, mark, report } = options;
  const originMs = nowMs();
  const chronicle = new Chronicle(nowMs);
  await using resources = new AsyncDisposableStack();
  const watchdog = new Watchdog(chronicle, nowMs);
  resources.defer(() => watchdog.close());
  const probe = new Probe(cluster, chronicle, nowMs);
  resources.defer(() => probe.close());
  const scene = await openScene(cluster);
  resources.defer(() => closeScene(scene));

  const luck = new Luck(seed);
  const ca = await readFile(cluster.authority, 'utf8');
  // Pods trust nobody but the API server.
  const identity = {
    certificate: ca,
    key: await readFile(join(cluster.folder, 'tls.key'), 'utf8'),
  };
  const toss = luck.fork('proxy');
  const random = () => toss.number();
  const proxy = new FaultProxy({ upstream: { server: cluster.server, ca }, identity, random });
  resources.defer(() => proxy.close());
  const lineOf = (name: string) => proxy.line(name);
  const crews: Crew[] = [];
  for (const mode of modes) {
    const own = luck.fork('crew', mode);
    const crew = await Crew.start({ mode, size: SIZE, scene, chronicle, luck: own, mark, lineOf });
    crews.push(crew);
    resources.defer(() => crew.close());
  }
  const noPods = PodCrew.whyNot();
  const pods: PodCrew[] = [];
  for (const mode of noPods === undefined ? modes : []) {
    const line = await lineOf(`pods-${mode}-line`);
    const crew = await PodCrew.start({ cluster, mode, line, chronicle });
    pods.push(crew);
    resources.defer(() => crew.close());
  }
  const stage: Stage = {
    cluster,
    scene,
    crews,
    chronicle,
    pods,
    ...(noPods !== undefined && { noPods }),
  };
  const leftOut = leftOutOf(stage);
  const available = kinds.filter(({ name }) => !leftOut.has(name));
  const deck = new Deck(available, luck.fork('deck'));
  const tending = new AbortController();
  const tended = tend(crews, tending.signal);
  tended.catch(() => undefined);

  let episodes = 0;
  let failure: unknown;
  const deadlineMs = nowMs() + minutes * 60_000 - EPISODE_MS;
  try {
    while (!signal.aborted && (episodes === 0 || nowMs() < deadlineMs)) {
      episodes += 1;
      const own = luck.fork('episode', episodes);
      const chosen = deck.draw();
      report(`episode ${episodes}: ${chosen.map(({ name }) => name).join(' + ')}`);
      await together(chosen.map((kind) => play(kind, stage, own.fork(kind.name))));
      await healed(stage);
      const quietMs = own.fork('quiet').integer(QUIET_MS.least, QUIET_MS.most);
      await sleep(quietMs, undefined, { signal }).catch(() => undefined);
    }
  } catch (error) {
    failure = error;
  }
  const toMs = nowMs();
  const leftovers = failure === undefined ? crews.flatMap(socketsTooMany) : [];
  tending.abort();
  // What was found up to here is told all the same.
  await tended.catch((error: unknown) => (failure ??= error));
  const all = [...crews, ...pods];
  await dismissAll(all, chronicle).catch((error: unknown) => {
    failure ??= error;
  });
  const evidence = all.map(({ name, mode, entries, history, fromMs }) => ({
    election: name,
    mode,
    entries,
    versions: history.versions,
    holes: history.holes,
    fromMs,
    toMs,
  }));
  const { troubles } = chronicle;
  return { seed, evidence, troubles, originMs, episodes, leftOut, failure, leftovers };
}

/** A connection that failed may still be on its way out beside those that took its place. */
function socketsTooMany({ berths }: Crew): string[] {
  return berths.flatMap(({ candidate: { name, pid } }) => {
    const count = pid === undefined ? 0 : tcpSocketsOf(pid);
    return count > MOST_SOCKETS ? [`${name} has ${count} TCP sockets at the end`] : [];
  });
}

function leftOutOf(stage: Stage): Map<string, string> {
  return new Map(
    kinds.flatMap(({ name, whyNot }) => {
      const reason = whyNot?.(stage);
      return reason === undefined ? [] : [[name, reason]];
    }),
  );
}

/** Some kinds, at most one of each group; none comes again before all others of its group have. */
class Deck {
  readonly #luck: Luck;
  readonly #groups: { readonly all: readonly FaultKind[]; left: FaultKind[] }[];

  constructor(available: readonly FaultKind[], luck: Luck) {
    this.#luck = luck;
    const groups = Map.groupBy(available, ({ group }) => group);
    this.#groups = [...groups.values()].map((all) => ({ all, left: [] }));
  }

  draw(): FaultKind[] {
    const chosen = this.#luck.some(this.#groups, SHARE);
    if (chosen.length === 0) chosen.push(this.#luck.pick(this.#groups));
    return chosen.map((group) => {
      if (group.left.length === 0) group.left = [...group.all];
      const kind = this.#luck.pick(group.left);
      group.left = group.left.filter((other) => other !== kind);
      return kind;
    });
  }
}

async function play(kind: FaultKind, stage: Stage, luck: Luck): Promise<void> {
  await sleep(luck.integer(0, 2_000));
  await kind.play(stage, luck);
}

/** As a kubelet and a Deployment do: whoever has ended is replaced. */
async function tend(crews: readonly Crew[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await Promise.all(crews.map((crew) => crew.replaceGone()));
    await sleep(TEND_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** All is well: the API server is ready, and in every election somebody leads. */
async function healed({ cluster, crews, pods }: Stage): Promise<void> {
  await until('the API server is ready', async () => {
    return (await get(cluster, '/readyz')).status === OK;
  });
  await together([...crews, ...pods].map((crew) => crew.leads()));
}

async function openScene(cluster: Cluster): Promise<Scene> {
  // Processes need no image.
  const scene = await Scene.open(cluster, '');
  await scene.core.createNode({ body: { metadata: { name: NODE } } });
  return scene;
}

/** Resolves once nothing of it is left. */
async function closeScene(scene: Scene): Promise<void> {
  const { core, namespace } = scene;
  await insist('deleting the Pods', async () => {
    const { items } = await core.listNamespacedPod({ namespace });
    for (const { metadata } of items) {
      await scene.deletePod(metadata?.name ?? '', { gracePeriodSeconds: 0 });
    }
  });
  await insist('closing the scene', () => scene.close());
  await insist('deleting the Node', async () => {
    const { items } = await core.listNode();
    if (items.some(({ metadata }) => metadata?.name === NODE))
      await core.deleteNode({ name: NODE });
  });
  await until('the namespace is gone', async () => {
    const { items } = await core.listNamespace();
    return !items.some(({ metadata }) => metadata?.name === namespace);
  });
}
