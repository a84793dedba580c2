import type { Counts } from '../fault.ts';

/** Nothing has happened yet. */
export function newCounts(): Counts {
  return {
    connections: 0,
    open: 0,
    requests: 0,
    forwarded: 0,
    aborted: 0,
    struck: {
      latency: 0,
      reset: 0,
      'half-open': 0,
      blackhole: 0,
      'drop-on-accept': 0,
      'delay-request': 0,
      'delay-answer': 0,
      refuse: 0,
      'fail-after-effect': 0,
      'reset-connection': 0,
      truncate: 0,
      'freeze-watches': 0,
    },
  };
}
