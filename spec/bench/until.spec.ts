import { expect, test } from 'vitest';

import { until } from './until.ts';

test('what is awaited is returned as soon as it is there', async () => {
  const answers = [undefined, undefined, 'here'];
  expect(await until('it is there', () => answers.shift())).toBe('here');
});

test('what can no longer happen is not awaited', async () => {
  const probe = () => {
    throw new Error('it has ended');
  };
  await expect(until('it speaks', probe)).rejects.toThrow('it has ended');
});

test('what does not happen in time is told', async () => {
  const never = until('it speaks', () => undefined, 10);
  await expect(never).rejects.toThrow('this did not happen within 10 ms: it speaks');
});
