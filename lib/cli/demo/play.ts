import { SimulatedClock, createCluster } from '../../testing/index.ts';
import { Container, type Mode, type Surroundings } from './container.ts';
import { ms } from './screen.ts';
import type { Entry, Mark } from './timeline.ts';

/** Something that happens to the leader, and its outcome. */
export interface Scene {
  readonly title: (old: string) => string;
  readonly perform: (stage: Stage, old: Container | undefined) => void;
  /** What the leader does, after which time. */
  readonly outcome: (after: string) => string;
  /** Whether another Pod leads then, and a new one takes the place of the old. */
  readonly handsOver: boolean;
}

/** A scene that was played. */
export interface Act extends Mark {
  readonly title: string;
  readonly leader: string;
  readonly leadsAtMs: number;
  readonly outcome: string;
}

/** All that happened. */
export interface Played {
  readonly entries: readonly Entry[];
  readonly acts: readonly Act[];
  readonly endMs: number;
  /** The largest number of Pods that led at the same time. */
  readonly leadersAtOnce: number;
}

/** Between two scenes. */
const PAUSE_MS: Readonly<Record<Mode, number>> = { life: 2_000, lease: 8_000 };
/** Of a request. */
const LATENCY_MS = 4;
const GC_DELAY_MS = 50;

/** Plays scenes of a mode on a simulated clock: the same every time, and at once. */
export async function play(mode: Mode, scenes: readonly Scene[]): Promise<Played> {
  const clock = new SimulatedClock();
  const cluster = await createCluster({ http: false, clock, gcDelayMs: GC_DELAY_MS });
  cluster.faults.add({ latencyMs: LATENCY_MS });
  const stage = new Stage({ mode, clock, cluster, entries: [] });
  try {
    for (const scene of scenes) await stage.perform(scene);
    return stage.played;
  } finally {
    await cluster.close();
  }
}

/** The Pods, and what the scenes do to them. */
export class Stage {
  readonly cluster: Surroundings['cluster'];
  readonly #surroundings: Surroundings;
  readonly #acts: Act[] = [];
  readonly #containers = new Map<string, Container>();

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.cluster = surroundings.cluster;
  }

  get played(): Played {
    const { entries, clock } = this.#surroundings;
    const leadersAtOnce = mostAtOnce(entries);
    return { entries, acts: this.#acts, endMs: clock.now(), leadersAtOnce };
  }

  /** Creates a Pod, and starts its container. */
  add(): void {
    const pod = `app-${String.fromCharCode('a'.charCodeAt(0) + this.#containers.size)}`;
    this.cluster.createPod(pod);
    this.start(pod);
  }

  /** Starts the container of a Pod, or starts it again. */
  start(pod: string): void {
    this.#containers.set(pod, new Container(this.#surroundings, pod));
  }

  async perform({ title, perform, outcome, handsOver }: Scene): Promise<void> {
    const { clock, entries, mode } = this.#surroundings;
    const atMs = clock.now();
    const known = entries.length;
    const container = this.#containers.get(this.#acts.at(-1)?.leader ?? '');
    perform(this, container);
    const next = () => entries.slice(known).find(({ event }) => event === 'leading');
    await clock.runUntil(() => next() !== undefined);
    const { pod: leader = '', atMs: leadsAtMs = 0 } = next() ?? {};
    const tookMs = leadsAtMs - atMs;
    const said = { title: title(container?.pod ?? ''), outcome: outcome(ms(tookMs)) };
    const handover = handsOver ? { atMs: leadsAtMs, tookMs } : undefined;
    this.#acts.push({ number: this.#acts.length + 1, atMs, leader, leadsAtMs, handover, ...said });
    if (handsOver) this.add();
    await clock.advance(PAUSE_MS[mode]);
  }
}

/** The largest number of Pods that led at the same time. */
export function mostAtOnce(entries: readonly Entry[]): number {
  const leading = new Map<string, string>();
  let most = 0;
  for (const { event, run, pod } of entries) {
    if (event === 'leading') leading.set(run, pod);
    else if (event !== 'waiting') leading.delete(run);
    most = Math.max(most, new Set(leading.values()).size);
  }
  return most;
}
