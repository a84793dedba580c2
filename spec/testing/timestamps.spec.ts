import { expect, it } from 'vitest';

import { wireTimeAfter } from '../../lib/testing/timestamps.ts';

it.each([
  [30, '2026-01-01T00:00:30Z'],
  [1e12, '9999-12-31T23:59:59Z'],
  [Number.MAX_SAFE_INTEGER, '9999-12-31T23:59:59Z'],
])('wireTimeAfter %d s is in whole seconds, up to year 9999', (seconds, time) => {
  expect(wireTimeAfter(new Date('2026-01-01T00:00:00.900Z'), seconds)).toBe(time);
});
