import { expect, test } from 'vitest';

import { parseCpuMs, parseMemory } from './usage.ts';

test('CPU time is that of the program and of the kernel for it', () => {
  const stat =
    '5085 (a (tricky) name) S 5054 5085 5054 0 -1 4194304 9029 11 0 0 134 19 7 8 20 0 11 0 1 2 3';
  expect(parseCpuMs(stat)).toBe(1_530);
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
