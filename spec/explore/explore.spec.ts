import { afterAll, describe, expect, it } from 'vitest';
import { Copies } from '../simulate/mutants/copy.ts';
import { readMutants } from '../simulate/mutants/mutant.ts';
import { type Model, explore } from './explorer.ts';
import { scenes } from './scenes.ts';
import { Visited } from './visited.ts';

const copies = new Copies();

afterAll(() => {
  copies.remove();
});

/** Counts to a limit by ones and twos. */
class Counting implements Model<number> {
  readonly first = 0;
  readonly forbidden: number;

  constructor(forbidden: number) {
    this.forbidden = forbidden;
  }

  moves(state: number) {
    const steps = [1, 2].filter((step) => state + step <= 10);
    return steps.map((step) => ({
      to: state + step,
      place: 'world' as const,
      say: () => `+${step}`,
    }));
  }

  key(state: number) {
    return String(state);
  }

  broken(state: number) {
    return state === this.forbidden
      ? { promise: 'COUNT', text: `${state} was reached` }
      : undefined;
  }

  sights(state: number) {
    return state % 2 === 0 ? ['even'] : [];
  }

  lanes() {
    return [];
  }

  stored() {
    return '';
  }
}

describe('an exploration', () => {
  it('sees every state once, and counts what is noteworthy', () => {
    const found = explore(new Counting(99), 1_000);
    expect(found).toMatchObject({ states: 11, moves: 19, depth: 5, complete: true });
    expect([...found.sights]).toEqual([['even', 6]]);
    expect(found.violation).toBeUndefined();
  });

  it('tells a violation by as few moves as it takes', () => {
    const { violation } = explore(new Counting(7), 1_000);
    expect(violation).toMatchObject({ promise: 'COUNT', text: '7 was reached' });
    expect(violation?.moves.map(({ to }) => to).at(-1)).toBe(7);
    expect(violation?.moves.map(({ say }) => say()).sort()).toEqual(['+1', '+2', '+2', '+2']);
  });

  it('says if it was cut short', () => {
    expect(explore(new Counting(99), 5)).toMatchObject({ complete: false });
  });

  it('remembers many states, and the way to each', () => {
    const visited = new Visited();
    for (let id = 0; id < 100_000; id++) {
      expect(visited.add(`state ${id}`, Math.max(id - 1, 0), id % 7)).toBe(id);
    }
    expect(visited.add('state 5', 0, 0)).toBeUndefined();
    expect(visited.size).toBe(100_000);
    expect(visited.path(9)).toEqual([1, 2, 3, 4, 5, 6, 0, 1, 2]);
  });
});

describe('the shipped rules', () => {
  it('hold in a small state space, in which there are two terms', { timeout: 60_000 }, () => {
    const scene = scenes.find(({ name }) => name === 'two electors');
    const found = scene?.explore(1_000_000);
    expect(found).toMatchObject({ complete: true, violation: undefined });
    expect(Object.fromEntries(found?.sights ?? [])).toHaveProperty('a second term has begun');
  });

  it('do not hold with a seeded defect', { timeout: 60_000 }, async () => {
    const mutant = readMutants().find(({ name }) => name === 'expiry-from-the-first-sight');
    expect.assert(mutant);
    const file = `${copies.mutated(mutant)}/spec/explore/lease-scenes.ts`;
    const { leaseScenes } = (await import(file)) as typeof import('./lease-scenes.ts');
    const found = leaseScenes.find(({ name }) => name === 'two electors')?.explore(1_000_000);
    expect(found?.violation).toMatchObject({ promise: 'LEASE-2' });
    expect(found?.violation?.told.join('\n')).toContain('LEADS');
  });
});
