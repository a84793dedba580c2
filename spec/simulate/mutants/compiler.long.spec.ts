import { expect, test } from 'vitest';

import { problemsOf } from './compiler.ts';
import { readFile } from './copy.ts';
import { mutants, mutate } from './mutant.ts';

test('the seeded defects pass the compiler', { timeout: 120_000 }, () => {
  const changes = mutants.flatMap((mutant) =>
    [...mutate(mutant, readFile)].map(([file, text]) => ({ name: mutant.name, file, text })),
  );
  const wrong = { name: 'wrong', file: 'lib/version.ts', text: 'export const ms: number = "1";' };
  const problems = problemsOf([...changes, wrong]);
  expect([...problems]).toEqual([['wrong', expect.stringContaining('not assignable')]]);
});
