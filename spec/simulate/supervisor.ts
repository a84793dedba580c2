import type { Fact } from './fact.ts';
import type { World } from './world.ts';

/** Who was refused does not ask again at once. */
const PATIENCE_MS = 1_000;

/**
 * Stands for kubelets, controllers and programs that want to lead after all: whoever has ended is
 * started again after its slot's `restartMs`, and asks again.
 */
export class Supervisor {
  readonly #world: World;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
  }

  readonly notice = (fact: Fact): void => {
    if (fact.type === 'phase' && fact.phase === 'end') this.#isOver = true;
    if (fact.type !== 'died' && fact.type !== 'refused' && fact.type !== 'ended') return;
    const { slot } = fact.who;
    const wantedMs = Number(this.#world.slot(slot).setting['restartMs']);
    const restartMs = fact.type === 'refused' ? Math.max(wantedMs, PATIENCE_MS) : wantedMs;
    this.#world.later(restartMs, () => {
      if (this.#isOver) return;
      const candidate = this.#world.boot(slot);
      if (candidate && !candidate.isBusy) candidate.start();
    });
  };
}
