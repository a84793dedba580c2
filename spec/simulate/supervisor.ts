import type { Fact } from './fact.ts';
import { LifeCandidate } from './life-candidate.ts';
import type { World } from './world.ts';

/** Who was refused does not ask again at once, nor who has ended often: kubelets wait then, too. */
const PATIENCE_MS = 1_000;

/** How often a slot's program may end before that counts as often. */
const FEW = 10;

/**
 * Stands for kubelets, controllers and programs that want to lead after all: whoever has ended is
 * started again after its slot's `restartMs`, and asks again.
 */
export class Supervisor {
  readonly #world: World;
  /** By slot: how often its program has ended. */
  readonly #ends = new Map<number, number>();
  #isMended = false;
  #isOver = false;
  /** What is put off until programs are started again. */
  #held: (() => void)[] | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** Starts nobody until the function that it returns is called: who waits has to see to it alone. */
  hold(): () => void {
    this.#held ??= [];
    return () => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const start of held) start();
    };
  }

  readonly notice = (fact: Fact): void => {
    if (fact.type === 'phase') {
      this.#isMended = fact.phase !== 'trouble';
      this.#isOver = fact.phase === 'end';
    }
    if (fact.type === 'written') this.#noticePod(fact);
    if (fact.type === 'died' || fact.type === 'refused' || fact.type === 'ended') {
      this.#startAgain(fact.who.slot, fact.who.podUid, fact.type === 'refused');
    }
  };

  /** A Pod in which no process was ends unnoticed by any: it is for its controller to make another. */
  #noticePod({ resource, before, after }: Fact & { readonly type: 'written' }): void {
    const pod = after ?? before;
    if (!this.#isMended || resource !== 'pods' || !pod) return;
    const { name, uid } = pod.metadata;
    const home = this.#world.slots.find(({ podName }) => podName === name);
    if (!home || !this.#world.pods.state(uid).isOver) return;
    for (const { index, candidate, setting } of this.#world.slots) {
      const isHere = index === home.index || setting['within'] === home.index;
      if (isHere && !candidate?.isAlive) this.#startAgain(index, uid, false);
    }
  }

  #startAgain(slot: number, podUid: string, isRefused: boolean): void {
    // Set up wrongly, it would only be refused again.
    if (this.#world.slot(slot).setting['uid'] === 'wrong') return;
    const wantedMs = Number(this.#world.slot(slot).setting['restartMs']);
    const ends = (this.#ends.get(slot) ?? 0) + 1;
    this.#ends.set(slot, ends);
    const mustWait = isRefused || ends > FEW;
    const forbiddenMs = this.#world.pods.restartsInMs(podUid);
    const restartMs = Math.max(wantedMs, mustWait ? PATIENCE_MS : 0, forbiddenMs);
    const start = () => {
      if (this.#isOver) return;
      const candidate = this.#world.boot(this.#world.slot(slot));
      if (candidate && !candidate.isBusy) candidate.start();
      // Whoever gives the lock up asks again afterwards.
      else if (candidate instanceof LifeCandidate && candidate.isGivingUp) {
        this.#world.later(PATIENCE_MS, start);
      }
    };
    this.#world.later(restartMs, () => {
      if (this.#held) this.#held.push(start);
      else start();
    });
  }
}
