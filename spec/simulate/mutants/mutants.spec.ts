import { describe, expect, test } from 'vitest';

import { readFile } from './copy.ts';
import { mutants, mutate, parse } from './mutant.ts';

describe('the seeded defects', () => {
  test('have names of their own', () =>
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length));

  test.each(mutants)('$name fits the library, and changes nothing else', (mutant) => {
    for (const [file, text] of mutate(mutant, readFile)) {
      expect(file).toMatch(/^lib\/[\w/-]+\.ts$/);
      expect(text).not.toBe(readFile(file));
    }
  });

  test('are refused if what they look for does not occur once, as whole lines', () => {
    const mutant = parse('# m: life, 300 schedules\n# d\n# Trap: t\n--- lib/x.ts\n a\n-b\n+c');
    expect(mutant).toMatchObject({
      name: 'm',
      defect: 'd',
      trap: 't',
      seenIn: ['life'],
      within: 300,
    });
    expect(mutate(mutant, () => 'a\nb\nd\n')).toEqual(new Map([['lib/x.ts', 'a\nc\nd\n']]));
    const refused = 'm: what it looks for in lib/x.ts';
    expect(() => mutate(mutant, () => 'aa\nb\n')).toThrow(`${refused} does not occur: a`);
    expect(() => mutate(mutant, () => 'a\nb\na\nb\n')).toThrow(`${refused} occurs more than once`);
    expect(() => parse('# m: life\n--- lib/x.ts\n-b')).toThrow('no head');
  });
});
