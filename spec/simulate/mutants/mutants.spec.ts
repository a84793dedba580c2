import { afterAll, describe, expect, test } from 'vitest';

import { problemsOf } from './compiler.ts';
import { Copies } from './copy.ts';
import { readMutants, toMutant } from './mutant.ts';

const copies = new Copies();
const mutants = readMutants();

afterAll(() => {
  copies.remove();
});

describe('the seeded defects', () => {
  test('are at least thirty', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(30);
  });

  test.each(mutants)('$name applies to the library as it is, and changes it', (mutant) => {
    const changed = copies.changed(mutant);
    expect([...changed.keys()]).toEqual(mutant.files);
  });

  test('pass the compiler', { timeout: 120_000 }, () => {
    const changes = mutants.flatMap((mutant) =>
      [...copies.changed(mutant)].map(([file, text]) => ({ name: mutant.name, file, text })),
    );
    const wrong = { name: 'wrong', file: 'lib/clock.ts', text: 'export const ms: number = "1";' };
    const problems = problemsOf([...changes, wrong]);
    expect([...problems]).toEqual([['wrong', expect.stringContaining('not assignable')]]);
  });

  test('say what they are', () => {
    const patch = '--- a/lib/clock.ts\n+++ b/lib/clock.ts\n';
    const head = 'Defect: d\nTrap: t\nFound in: life lease\n\n';
    expect(toMutant('m', head + patch)).toMatchObject({
      modes: ['life', 'lease'],
      schedules: 2_000,
    });
    expect(() => toMutant('m', patch)).toThrow('has no line');
    expect(() => toMutant('m', head.replace('lease', 'death') + patch)).toThrow('modes are');
    expect(() => toMutant('m', `${head}--- a/lib/clock.ts`)).toThrow('changes nothing');
    expect(() => toMutant('m', head + patch.replaceAll('lib', 'spec'))).toThrow('spec/clock.ts');
    expect(() => toMutant('m', `Within: soon\n${head}${patch}`)).toThrow('no number of schedules');
  });
});
