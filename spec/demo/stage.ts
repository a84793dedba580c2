import { isAct } from '../lab/journal.ts';
import { overlapsOf } from '../lab/verdict.ts';
import type { Deployment, LockState, Replica } from './deployment.ts';
import type { Term } from '../lab/history.ts';
import { type Line, ms, piece } from '../../lib/cli/demo/screen.ts';
import type { Mark } from '../../lib/cli/demo/timeline.ts';

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

/** The acts as the timeline draws them. */
export function marksOf(acts: readonly Act[]): Mark[] {
  return acts.map(({ number, atMs, expected, after, handoverMs }) => {
    const handover = { atMs: after.term.fromMs, tookMs: handoverMs };
    return { number, atMs, handover: expected === 'another Pod' ? handover : undefined };
  });
}

/** How much a leader gets done before the next act, so that its time can be seen. */
const WORK = 10;

/** Plays scenes, one after the other, each on what the last one left. */
export class Stage {
  readonly deployment: Deployment;
  readonly acts: Act[] = [];
  readonly #print: (...lines: readonly Line[]) => void;

  constructor(deployment: Deployment, print: (...lines: readonly Line[]) => void) {
    this.deployment = deployment;
    this.#print = print;
  }

  /** The first act: so many replicas start at the same time. */
  async open(count: number, scene: Pick<Scene, 'title' | 'outcome'>): Promise<void> {
    const perform = async () => {
      const atMs = this.deployment.nowMs;
      await Promise.all(Array.from({ length: count }, () => this.deployment.add()));
      return atMs;
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
    const { deployment } = this;
    const number = this.acts.length + 1;
    const atMs = deployment.nowMs;
    const old = before?.replica;
    this.#print([piece(`${number}  `, 'act'), piece(scene.title(old?.pod ?? ''))]);
    const earlier = new Set(deployment.terms.map(({ run }) => run));
    const sinceMs = await perform();
    const term = await deployment.until('somebody leads', () =>
      deployment.terms.find(({ run }) => !earlier.has(run)),
    );
    const replica = deployment.find(term.pod);
    const handoverMs = term.fromMs - sinceMs;
    if (old) await scene.clear?.(old);
    const more = scene.replaced
      ? ` ${(await deployment.add()).pod} replaces ${old?.pod ?? ''}.`
      : '';
    const outcome = ` ${scene.outcome(ms(handoverMs))}${more}`;
    this.#print([piece('   '), piece(term.pod, 'leads'), piece(outcome)]);
    await this.#settle(replica, term);
    const after = { replica, term, lock: deployment.lock };
    this.acts.push({ number, expected: scene.expected, atMs, handoverMs, before, after });
  }

  /** Resolves when the leader works and all others wait. Two leaders end the play. */
  async #settle(leader: Replica, { run }: Term): Promise<void> {
    const { deployment } = this;
    await deployment.until(`${leader.pod} works, and all others wait`, () => {
      const [overlap] = overlapsOf(deployment.terms);
      if (overlap) {
        throw new Error(`${overlap.first.pod} and ${overlap.second.pod} lead at the same time`);
      }
      const acts = deployment.entries.filter((entry) => entry.run === run && isAct(entry));
      return acts.length > WORK && deployment.allWaitFor(leader);
    });
  }
}
