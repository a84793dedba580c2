import { expect, test } from 'vitest';

import { parseMemory, parseRunMs, usageOf } from './usage.ts';

test('CPU time is the time that a thread has run', () => {
  expect(parseRunMs('217073000 5000 12\n')).toBe(217.073);
});

test('a process that computes uses CPU time', () => {
  const before = usageOf(process.pid).cpuMs;
  const { user } = process.cpuUsage();
  while (process.cpuUsage().user - user < 20_000) Math.sqrt(user);
  expect(usageOf(process.pid).cpuMs - before).toBeGreaterThan(10);
});

test('memory is what is resident, and what of it is its own', () => {
  const rollup = `\
00400000-7ffd5b5f2000 ---p 00000000 00:00 0                              [rollup]
Rss:               61440 kB
Pss:               40000 kB
Shared_Clean:      40960 kB
Private_Clean:      1024 kB
Private_Dirty:     19456 kB
`;
  expect(parseMemory(rollup)).toEqual({
    residentBytes: 61_440 * 1_024,
    ownBytes: 20_480 * 1_024,
  });
});
