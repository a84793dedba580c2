import type { Deployment, LockState, Replica } from './deployment.ts';
import { type Journal, Surprise, type Term } from './journal.ts';
import { type Screen, ms, piece } from './screen.ts';

/** Who shall lead after an act. */
export type Expected = 'anybody' | 'another Pod' | 'the same Pod';

/** Something that happens to the leader, and what shall come of it. */
export interface Scene {
  title(old: string): string;
  readonly expected: Expected;
  /** Resolves with the moment from which the handover counts. */
  perform(old: Replica): Promise<number>;
  /** What becomes of the old leader's Pod once somebody leads. */
  clear?(old: Replica): Promise<void>;
  /** Whether a new Pod takes the place of the old leader's. */
  readonly replaced: boolean;
  /** What the new leader does, so long after that moment. */
  outcome(after: string): string;
}

/** What an act came to, for the checks and the timeline. */
export interface Act {
  readonly number: number;
  readonly expected: Expected;
  readonly atMs: number;
  readonly handoverMs: number;
  readonly before: Leading | undefined;
  readonly after: Leading;
}

/** Who leads, and the lock that says so. */
export interface Leading {
  readonly replica: Replica;
  readonly term: Term;
  readonly lock: LockState | undefined;
}

/** How much a leader gets done before the next act, so that its time can be seen. */
const WORK = 10;

/** Plays scenes, one after the other, each on what the last one left. */
export class Stage {
  readonly deployment: Deployment;
  readonly journal: Journal;
  readonly acts: Act[] = [];
  readonly #screen: Screen;

  constructor(deployment: Deployment, journal: Journal, screen: Screen) {
    this.deployment = deployment;
    this.journal = journal;
    this.#screen = screen;
  }

  /** The first act: so many replicas start at the same time. */
  async open(count: number, scene: Pick<Scene, 'title' | 'outcome'>): Promise<void> {
    const perform = () => {
      const atMs = this.deployment.nowMs;
      for (let created = 0; created < count; created += 1) this.deployment.add();
      return Promise.resolve(atMs);
    };
    await this.#play({ ...scene, expected: 'anybody', replaced: false }, perform);
  }

  /** Any other act. */
  async play(scene: Scene): Promise<void> {
    const before = this.acts.at(-1)?.after;
    if (!before) throw new Error('nobody leads yet');
    await this.#play(scene, () => scene.perform(before.replica), before);
  }

  async #play(
    scene: Omit<Scene, 'perform'>,
    perform: () => Promise<number>,
    before?: Leading,
  ): Promise<void> {
    const { deployment, journal } = this;
    const number = this.acts.length + 1;
    const atMs = deployment.nowMs;
    const old = before?.replica;
    this.#screen.print([piece(`${number}  `, 'act'), piece(scene.title(old?.pod ?? ''))]);
    const earlier = new Set(journal.terms.map(({ run }) => run));
    const sinceMs = await perform();
    const term = await journal.until(() => journal.terms.find(({ run }) => !earlier.has(run)));
    const replica = deployment.find(term.pod);
    const handoverMs = term.fromMs - sinceMs;
    if (old) await scene.clear?.(old);
    const more = scene.replaced ? ` ${deployment.add().pod} replaces ${old?.pod ?? ''}.` : '';
    const outcome = ` ${scene.outcome(ms(handoverMs))}${more}`;
    this.#screen.print([piece('   '), piece(term.pod, 'leads'), piece(outcome)]);
    await this.#settle(replica, term);
    const after = { replica, term, lock: deployment.lock };
    this.acts.push({ number, expected: scene.expected, atMs, handoverMs, before, after });
  }

  /** Resolves when the leader works and all others wait. Two leaders end the play. */
  async #settle(leader: Replica, { run }: Term): Promise<void> {
    const { deployment, journal } = this;
    const work = () =>
      journal.entries.filter((entry) => entry.run === run && entry.what === 'works');
    const leaders = () => journal.terms.filter(({ toMs }) => toMs === Infinity);
    await journal.until(
      () => leaders().length > 1 || (work().length >= WORK && deployment.allWaitFor(leader)),
    );
    const pods = leaders().map(({ pod }) => pod);
    if (pods.length > 1) throw new Surprise(`${pods.join(' and ')} lead at the same time`);
  }
}
