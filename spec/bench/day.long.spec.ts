import { expect, test } from 'vitest';

import { simulateLeaseDay } from './day.ts';

test('a day of lease mode asks little of the API server', { timeout: 120_000 }, async () => {
  const { leading, waiting } = await simulateLeaseDay();
  expect([leading.length, waiting.length]).toEqual([24, 24]);
  // A renewal every 2 s, and a watch that is opened anew every hour or so.
  expect(Math.max(...leading)).toBeLessThanOrEqual(1_800);
  expect(Math.min(...leading)).toBeGreaterThan(1_700);
  expect(Math.max(...waiting)).toBeLessThanOrEqual(30);
  expect(Math.max(...waiting)).toBeGreaterThan(0);
});
