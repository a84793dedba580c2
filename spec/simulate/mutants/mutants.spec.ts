import { describe, expect, test } from 'vitest';

import { readFile } from './copy.ts';
import { type Mutant, mutants, mutate } from './mutant.ts';

describe('the seeded defects', () => {
  test('have names of their own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  });

  test.each(mutants)('$name fits the library, and changes nothing else', (mutant) => {
    for (const [file, text] of mutate(mutant, readFile)) {
      expect(file).toMatch(/^lib\/[\w/-]+\.ts$/);
      expect(text).not.toBe(readFile(file));
    }
  });

  test('are refused if what they look for does not occur once', () => {
    const edit = { file: 'lib/x.ts', find: 'a', replace: 'b' };
    const mutant: Mutant = { name: 'm', defect: 'd', trap: 't', seenIn: ['life'], edits: [edit] };
    expect(mutate(mutant, () => 'an')).toEqual(new Map([['lib/x.ts', 'bn']]));
    expect(() => mutate(mutant, () => 'x')).toThrow(
      'm: what it looks for in lib/x.ts does not occur: a',
    );
    expect(() => mutate(mutant, () => 'a, a')).toThrow('occurs more than once');
  });
});
