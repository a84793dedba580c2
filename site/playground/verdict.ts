import { seconds } from './timeline.ts';
import type { World } from './world.ts';

export interface Verdict {
  readonly holds: boolean;
  readonly text: string;
}

/** Whether at most one Pod has worked as the leader at any time. */
export function verdictOf({ ledger, nowMs }: World): Verdict {
  const { overlaps, overlapMs, excuses, longestGapMs, leaderlessSinceMs } = ledger;
  const gap =
    leaderlessSinceMs === undefined
      ? `Longest time without a working leader: ${seconds(longestGapMs)}.`
      : `No working leader for ${seconds(nowMs - leaderlessSinceMs)}.`;
  if (overlaps.length === 0) {
    return { holds: true, text: `At most one Pod led at any time. ${gap}` };
  }
  const pods = [...new Set(overlaps.flatMap(({ pods: names }) => names))].join(' and ');
  const why = [...excuses].join(', ');
  const excuse = why && ` No promise covers this: ${why}.`;
  return { holds: false, text: `${pods} led together for ${seconds(overlapMs)}.${excuse} ${gap}` };
}
