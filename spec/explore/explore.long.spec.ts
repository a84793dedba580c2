import { afterAll, describe, expect, it } from 'vitest';
import { Copies } from '../simulate/mutants/copy.ts';
import { mutants } from '../simulate/mutants/mutant.ts';
import { type Model, explore } from './explorer.ts';
import type { Scene } from './scene.ts';
import { scenes } from './scenes.ts';
import { Visited } from './visited.ts';

const copies = new Copies();

afterAll(() => {
  copies.remove();
});

interface Counting {
  readonly forbidden?: number;
  readonly wanted?: number;
  /** Ones are luck. */
  readonly isLucky?: boolean;
}

/** Counts to a limit by ones and twos. */
function counting({ forbidden, wanted, isLucky = false }: Counting = {}): Model<number> {
  return {
    first: 0,
    moves: (state) =>
      [1, 2]
        .filter((step) => state + step <= 10)
        .map((step) => ({
          to: state + step,
          place: 'world',
          say: () => `+${step}`,
          isOptional: isLucky && step === 1,
        })),
    key: String,
    broken: (state) =>
      state === forbidden ? { promise: 'COUNT', text: `${state} was reached` } : undefined,
    ...(wanted !== undefined && { isSettled: (state: number) => state === wanted }),
    sights: (state) => (state % 2 === 0 ? ['even'] : []),
    lanes: () => [],
    stored: () => '',
  };
}

describe('an exploration', () => {
  it('sees every state once, and counts what is noteworthy', () => {
    const found = explore(counting(), 1_000);
    expect(found).toMatchObject({ states: 11, moves: 19, depth: 5, complete: true });
    expect([...found.sights]).toEqual([['even', 6]]);
    expect(found.violation).toBeUndefined();
  });

  it('tells a violation by as few moves as it takes', () => {
    const { violation } = explore(counting({ forbidden: 7 }), 1_000);
    expect(violation).toMatchObject({ promise: 'COUNT', text: '7 was reached' });
    expect(violation?.moves.map(({ to }) => to).at(-1)).toBe(7);
    expect(violation?.moves.map(({ say }) => say()).sort()).toEqual(['+1', '+2', '+2', '+2']);
  });

  it('finds the first state from which only luck helps', () => {
    const { violation, states } = explore(counting({ wanted: 10, isLucky: true }), 1_000);
    expect(states).toBe(11);
    expect(violation).toMatchObject({ promise: 'PROGRESS' });
    expect(violation?.moves.map(({ to }) => to)).toEqual([1]);
  });

  it('is content if there is a way on from everywhere', () => {
    expect(explore(counting({ wanted: 10 }), 1_000).violation).toBeUndefined();
    const { violation } = explore(counting({ wanted: 9 }), 1_000);
    expect(violation?.moves.map(({ to }) => to).at(-1)).toBe(10);
  });

  it('says if it was cut short', () =>
    expect(explore(counting(), 5)).toMatchObject({ complete: false }));

  it('remembers many states, and the way to each', () => {
    const visited = new Visited();
    for (let id = 0; id < 100_000; id++) {
      expect(visited.add(`state ${id}`, Math.max(id - 1, 0), id % 7)).toEqual([id, true]);
    }
    expect(visited.add('state 5', 0, 0)).toEqual([5, false]);
    expect(visited.size).toBe(100_000);
    expect(visited.path(9)).toEqual([1, 2, 3, 4, 5, 6, 0, 1, 2]);
  });
});

describe('the shipped rules', () => {
  it.each(['two electors', 'a foreground deletion'])(
    'hold in a small state space, in which there are two terms (%s)',
    { timeout: 60_000 },
    (name) => {
      const found = sceneOf(scenes, name).explore(1_000_000);
      expect(found).toMatchObject({ complete: true, violation: undefined });
      expect(Object.fromEntries(found.sights)).toHaveProperty('a second term has begun');
    },
  );

  it.each([
    ['expiry-from-the-first-sight', 'two electors', 'LEASE-2'],
    ['mark-taken-for-granted', 'a foreground deletion', 'LIFE-1'],
  ])(
    'do not hold with the seeded defect %s',
    { timeout: 60_000 },
    async (defect, scene, promise) => {
      const mutant = mutants.find(({ name }) => name === defect);
      expect.assert(mutant);
      const file = `${copies.mutated(mutant)}/spec/explore/scenes.ts`;
      const mutated = (await import(file)) as typeof import('./scenes.ts');
      const { violation } = sceneOf(mutated.scenes, scene).explore(1_000_000);
      expect(violation).toMatchObject({ promise });
      expect(violation?.told.join('\n')).toContain('LEADS');
    },
  );

  it('do not hold where the word of something else counts as an answer', () => {
    const found = sceneOf(scenes, 'a foreground deletion');
    expect(found.explore(1_000_000, 'foreign-answer-believed').violation).toBeDefined();
  });
});

function sceneOf(all: readonly Scene[], name: string): Scene {
  const scene = all.find((each) => each.name === name);
  expect.assert(scene);
  return scene;
}
