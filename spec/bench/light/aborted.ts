import { atMost } from '../report.ts';
import type { Situation } from '../situation.ts';
import { OURS } from './contenders.ts';
import { type LightBench, PodHost } from './pod.ts';

/** What one reading of `aborted` takes. */
interface Reading {
  readonly leadershipNs: number;
  readonly plainNs: number;
}

/** What a loop pays that asks before each step whether it still leads. */
export const aborted: Situation<LightBench, Reading> = {
  async measure(bench) {
    await using host = await PodHost.open(bench);
    const command = OURS.command('lease', host, 'lock', 1);
    if (!command) throw new TypeError('ours can lead by a Lease');
    const process = await host.start(OURS.name, command, { AIM: 'aborted' });
    const { leadershipNs, plainNs } = (await process.said('aborted')) as never as Reading;
    return { leadershipNs, plainNs };
  },

  report: ({ leadershipNs, plainNs }) => ({
    title: 'Reading `signal.aborted` in a loop',
    table: [
      ['', 'each'],
      ['the signal of leadership by a Lease', microseconds(leadershipNs)],
      ['an ordinary signal', microseconds(plainNs)],
    ],
    goals: atMost('reading `signal.aborted`', leadershipNs, 300, microseconds),
  }),
};

function microseconds(value: number): string {
  return `${(value / 1_000).toFixed(2)} µs`;
}
