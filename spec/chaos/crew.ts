import type { ErrorCode } from '../../lib/errors.ts';
import { type Entry, Feed, isAct } from '../lab/journal.ts';
import { LockHistory } from '../lab/lock-history.ts';
import { createPod, setPhase, unlessNotFound } from '../lab/pods.ts';
import { CandidateProcess } from '../lab/process.ts';
import { storyOf } from '../lab/story.ts';
import type { WallClock } from '../lab/wall-clock.ts';
import type { Scene } from '../scenarios/scene.ts';
import type { Luck } from '../simulate/luck.ts';
import { Access } from './access.ts';
import type { Line } from './fault.ts';
import { insist, until } from './insist.ts';
import { MAX_BACKOFF_MS, durations, ended, replaced } from './recovery.ts';
import { variableOf } from './stray.ts';
import type { Chronicle, Mode } from './trouble.ts';

/** A node of the API server's imagination: the Pods there are played by this program. */
export const NODE = 'nowhere';

const GRACE_SECONDS = 600;

/** How a process ends, and what is left of it. */
export type Ending =
  /** Its Pod, if it has one, is deleted once it is gone. */
  | 'deleted'
  /** Its Pod, if it has one, has failed. */
  | 'failed'
  /** A new process of the same Pod. */
  | 'restarted';

/** A place in an election, and whoever is there now. */
export interface Berth {
  readonly access: Access;
  readonly line: Line;
  readonly form: string;
  readonly hasGuard: boolean;
  /** Of whoever is launched next. */
  clock: WallClock | undefined;
  candidate: CandidateProcess;
  /** Of all who were ever there. */
  readonly identities: string[];
  podUid: string;
  /** Something is being done to it. */
  isStruck: boolean;
}

export interface CrewOptions {
  readonly mode: Mode;
  readonly size: number;
  readonly scene: Scene;
  readonly chronicle: Chronicle;
  readonly luck: Luck;
  readonly mark: string;
  /** A way to the API server on which faults can be put. */
  readonly lineOf: (name: string) => Promise<Line>;
}

/** The candidates of one election, as processes; in life mode each with a Pod of its own. */
export class Crew {
  readonly name: string;
  readonly mode: Mode;
  readonly berths: Berth[] = [];
  readonly journal = new Feed<Entry>(storyOf);
  readonly history: LockHistory;
  /** Their Pods stay while they go. */
  readonly dismissalCodes: readonly ErrorCode[] = [];
  readonly #options: CrewOptions;
  #launched = 0;
  fromMs = 0;

  private constructor(options: CrewOptions, history: LockHistory) {
    this.name = options.mode;
    this.mode = options.mode;
    this.#options = options;
    this.history = history;
  }

  static async start(options: CrewOptions): Promise<Crew> {
    const { mode, scene } = options;
    const history = await LockHistory.begin(scene.lockPlace(mode));
    const crew = new Crew(options, history);
    try {
      for (let index = 1; index <= options.size; index += 1) await crew.#addBerth(index);
      await crew.leads();
      crew.fromMs = crew.journal.items.find(isAct)?.atMs ?? 0;
      return crew;
    } catch (error) {
      await crew.close();
      throw error;
    }
  }

  get entries(): readonly Entry[] {
    return this.journal.items;
  }

  /** Whoever acted last. */
  get leader(): Berth | undefined {
    const last = this.journal.items.findLast(isAct);
    return this.berths.find(({ candidate }) => candidate.name === last?.pod);
  }

  /** The leader, most of the time: it is whom faults can hurt. Nobody to whom something is done. */
  pick(luck: Luck): Berth | undefined {
    const free = this.berths.filter(({ isStruck, candidate }) => !isStruck && !candidate.isGone);
    const { leader } = this;
    if (leader && free.includes(leader) && luck.chance(0.7)) return leader;
    return free.length === 0 ? undefined : luck.pick(free);
  }

  /** Resolves once somebody acts from now on. */
  async leads(): Promise<void> {
    await this.journal.next(`somebody leads (${this.name})`, isAct);
  }

  /** Ends a process, if it has not ended, tells the API server so, and fills its place. */
  async end(berth: Berth, signal: 'SIGKILL' | 'SIGTERM', ending: Ending): Promise<void> {
    const { candidate } = berth;
    const kind = candidate.isGone ? 'process replaced' : `process gets ${signal}`;
    const over = this.#begin(kind, berth, candidate.isGone ? false : true);
    await this.#gone(candidate, signal);
    await this.#fill(berth, ending);
    over();
  }

  /** Replaces those that have ended by themselves. */
  async replaceGone(): Promise<void> {
    for (const berth of this.berths) {
      if (berth.candidate.isGone && !berth.isStruck) await this.end(berth, 'SIGKILL', 'deleted');
    }
  }

  /** Its Pod is deleted, its process takes its time. */
  async terminate(berth: Berth, meanwhile: () => Promise<void>): Promise<void> {
    const { scene } = this.#options;
    const name = berth.candidate.name;
    const over = this.#begin('Pod terminates slowly', berth);
    await insist(`deleting Pod ${name}`, () =>
      scene.deletePod(name, { gracePeriodSeconds: GRACE_SECONDS }).catch(unlessNotFound),
    );
    await meanwhile();
    await this.#gone(berth.candidate, 'SIGTERM');
    await this.#fill(berth, 'deleted');
    over();
  }

  /** Ends all of them, as Pods end. */
  async close(): Promise<void> {
    await Promise.all(
      this.berths.map(async ({ candidate }) => {
        candidate.signal('SIGCONT');
        await candidate.end('SIGKILL');
      }),
    );
    await this.history.close();
  }

  /** All of them are told to go. Resolves once they are gone. */
  async dismiss(): Promise<void> {
    await Promise.all(this.berths.map(({ candidate }) => this.#gone(candidate, 'SIGTERM')));
  }

  #begin(kind: string, { candidate }: Berth, isMeant = true) {
    return this.#options.chronicle.begin({
      kind,
      isMeant,
      target: candidate.name,
      strikes: (identity) => identity === candidate.name,
      elections: [this.name],
      effects: isMeant ? ended : replaced,
      codes: ['ERR_POD_NOT_FOUND', 'ERR_POD_TERMINATING', 'ERR_POD_UID_MISMATCH'],
    });
  }

  async #gone(candidate: CandidateProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (!candidate.isGone) candidate.signal(signal);
    await until(`${candidate.name} ends after ${signal}`, () => candidate.isGone);
    await candidate.end(signal);
  }

  async #fill(berth: Berth, ending: Ending): Promise<void> {
    if (this.mode === 'life') {
      const { name: identity } = berth.candidate;
      if (ending === 'restarted') {
        berth.candidate = await this.#launch(berth, identity);
        return;
      }
      if (ending === 'failed') await this.#fail(identity);
      else await this.#delete(identity);
    }
    this.#launched += 1;
    const identity = `${this.name}-${this.#launched}`;
    if (this.mode === 'life') berth.podUid = await this.#createPod(identity);
    berth.identities.push(identity);
    berth.candidate = await this.#launch(berth, identity);
  }

  async #addBerth(index: number): Promise<void> {
    const { scene, luck, lineOf } = this.#options;
    const name = `${this.name}-line-${index}`;
    const line = await lineOf(name);
    const access = await Access.open(scene, name, line);
    this.#launched += 1;
    const identity = `${this.name}-${this.#launched}`;
    const podUid = this.mode === 'life' ? await this.#createPod(identity) : '';
    const isOdd = index % 2 === 1;
    const berth = {
      access,
      line,
      form: this.mode === 'life' ? 'become' : isOdd ? 'lead' : 'elector',
      hasGuard: luck.chance(0.5),
      clock: undefined,
      identities: [identity],
      podUid,
      isStruck: false,
    };
    this.berths.push({ ...berth, candidate: await this.#launch(berth, identity) });
  }

  #launch(berth: Omit<Berth, 'candidate'>, name: string): Promise<CandidateProcess> {
    const { scene, mark } = this.#options;
    const { access, form, podUid, hasGuard, clock } = berth;
    const ofLife = this.mode === 'life';
    return CandidateProcess.start(
      {
        kind: 'leader-for-life',
        name,
        where: { kubeconfig: access.path, namespace: scene.namespace, lock: 'lock' },
        form,
        options: ofLife ? { maxBackoffMs: MAX_BACKOFF_MS, guard: hasGuard } : durations,
        ...(ofLife && { podUid }),
        environment: variableOf(mark),
        ...(clock && { wallClock: clock }),
      },
      this.journal,
    );
  }

  async #createPod(name: string): Promise<string> {
    const { core, namespace } = this.#options.scene;
    return insist(`creating Pod ${name}`, async () => {
      // An attempt that was not answered may have succeeded.
      const found = await this.#options.scene.findPod(name);
      const pod = found ?? (await createPod(core, namespace, name, { nodeName: NODE }));
      await setPhase(core, namespace, name, 'Running');
      return pod.metadata?.uid ?? '';
    });
  }

  async #fail(name: string): Promise<void> {
    const { core, namespace } = this.#options.scene;
    await insist(`setting the phase of Pod ${name}`, () =>
      setPhase(core, namespace, name, 'Failed').catch(unlessNotFound),
    );
  }

  async #delete(name: string): Promise<void> {
    const { scene } = this.#options;
    await insist(`deleting Pod ${name}`, () =>
      scene.deletePod(name, { gracePeriodSeconds: 0 }).catch(unlessNotFound),
    );
  }
}

/** Tells the candidates of some places from others, those that come later included. */
export function isOneOf(berths: readonly Berth[]): (identity: string) => boolean {
  return (identity) => berths.some(({ identities }) => identities.includes(identity));
}
