import { describe, expect, it } from 'vitest';

import { wireTimeAfter } from '../../lib/testing/timestamps.ts';

describe('a moment some seconds after another', () => {
  const date = new Date('2026-01-01T00:00:00.900Z');

  it('is told in whole seconds', () => {
    expect(wireTimeAfter(date, 30)).toBe('2026-01-01T00:00:30Z');
  });

  it.each([1e12, Number.MAX_SAFE_INTEGER])('is the last there is after %d', (seconds) => {
    expect(wireTimeAfter(date, seconds)).toBe('9999-12-31T23:59:59Z');
  });
});
