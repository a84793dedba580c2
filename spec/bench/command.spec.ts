import { describe, expect, test } from 'vitest';

import { parse } from './command.ts';
import { SUITES } from './suites.ts';

describe('the arguments of npm run bench', () => {
  test.each([
    { args: '', suite: 'in-process', sizes: [3, 100, 1_000], minutes: 5 },
    { args: '--cluster', suite: 'cluster', sizes: [3, 100, 1_000], minutes: 5 },
    { args: '--light', suite: 'light', sizes: [3], minutes: 5 },
    { args: '--pods', suite: 'pods', sizes: [3], minutes: 5 },
    { args: '--lease', suite: 'lease', sizes: [100], minutes: 3 },
    { args: '--lease --candidates=2,7 --minutes=1', suite: 'lease', sizes: [2, 7], minutes: 1 },
  ] as const)('$args', ({ args, suite, sizes, minutes }) => {
    const command = parse(args.split(' ').filter(Boolean));
    expect(command.suite).toBe(SUITES[suite]);
    expect(command.parts).toEqual(Object.keys(command.suite.situations));
    expect(command).toMatchObject({ sizes, windowMs: minutes * 60_000, electors: 1_000 });
    expect(command.handovers).toBeUndefined();
  });

  test.each([
    ['--lease call', 'call is none of release, crash, requests, footprint, herd, many'],
    ['--cluster --lease', '--cluster and --lease are two benchmarks'],
    ['--light --lease', '--lease and --light are two benchmarks'],
    ['--light call', 'call is none of start, memory, aborted, renewals, thousand'],
    ['--lease --electors=0', 'a whole number was expected, 1 or more, not 0'],
    ['--lease many --svg=x', '--svg shows the part handover of --cluster, release, crash and'],
    ['--pods herd', 'herd is none of crash, rollout'],
    ['--cluster import', 'import is none of handover, call, herd, requests'],
    ['--candidates=3,many', 'a whole number was expected, 2 or more, not many'],
    ['--svg=x', '--svg shows the part handover of --cluster, release'],
    ['--cluster herd --svg=x', '--svg shows the part handover of --cluster'],
    ['--fast', "Unknown option '--fast'"],
  ])('%s: %s', (args, message) => {
    const parsing = () => parse(args.split(' '));
    expect(parsing).toThrow(TypeError);
    expect(parsing).toThrow(message);
  });
});
