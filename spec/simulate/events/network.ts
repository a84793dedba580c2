import type { Candidate, Cut } from '../candidate.ts';
import { anySlot, duration, events, slotOrLeader } from '../draw.ts';
import type { Family } from '../family.ts';
import { LifeCandidate } from '../life-candidate.ts';
import type { Mishap } from '../line.ts';
import { targetName, targetOf } from './target.ts';

/** Longer than this nothing that was sent takes effect: the API server is told its time. */
const MAX_LATE_MS = 9_000;

/** The network between a process and the cluster is gone for a while, also in one direction. */
export function cuts(name: string, what: string, most: number, mostMs: number): Family {
  return {
    name,
    draw: (luck, setting) =>
      events(luck, setting, luck.integer(1, most), () => ({
        what,
        slot: slotOrLeader(luck, setting),
        cut: luck.pick(['both', 'requests', 'answers']),
        forMs: duration(luck, mostMs, 1),
      })),
    kinds: {
      [what]: {
        act: (world, event) => {
          const { candidate } = world.slot(targetOf(world, event));
          if (!candidate) return;
          candidate.cut(event['cut'] as Cut);
          world.later(Number(event['forMs']), () => {
            candidate.mend();
          });
        },
        tell: (event) =>
          `${targetName(event)} is cut off (${String(event['cut'])}) for ${String(event['forMs'])} ms`,
      },
    },
  };
}

export const partitions = cuts('partitions', 'cut off', 3, 60_000);

/** What becomes of single requests and answers on their way. */
export const mishaps: Family = {
  name: 'mishaps',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 6), () => {
      const verb = luck.pick([
        'create',
        'create',
        'create',
        'delete',
        'delete',
        'patch',
        'get',
        'watch',
      ]);
      const ways: Partial<Mishap>[] =
        verb === 'watch'
          ? [{ deaf: true }]
          : [
              { lateMs: duration(luck, MAX_LATE_MS, 1) },
              { answerMs: duration(luck, 9_999, 1) },
              { lost: luck.pick(['broken', 'silent']) },
              { lost: luck.pick(['broken', 'silent']) },
              // Nobody sends a create twice: it is not idempotent, and proxies know.
              ...(verb === 'create' ? [] : [{ againMs: duration(luck, MAX_LATE_MS, 1) }]),
            ];
      return {
        what: 'mishap',
        slot: luck.chance(0.3) ? 'leader' : anySlot(luck, setting),
        mishap: { verb, probability: luck.pick([1, 1, 0.5]), ...luck.pick(ways) },
        forMs: duration(luck, 30_000, 1),
      };
    }),
  kinds: {
    mishap: {
      act: (world, event) => {
        const { candidate } = world.slot(targetOf(world, event));
        const line = lineOf(candidate);
        if (!line) return;
        const mishap = event['mishap'] as Mishap;
        line.mishaps = [...line.mishaps, mishap];
        world.later(Number(event['forMs']), () => {
          line.mishaps = line.mishaps.filter((other) => other !== mishap);
        });
      },
      tell: (event) =>
        `for ${String(event['forMs'])} ms, on the line of ${targetName(event)}: ${words(event['mishap'])}`,
    },
  },
};

function lineOf(candidate: Candidate | undefined) {
  return candidate instanceof LifeCandidate ? candidate.process.line : undefined;
}

/** Some plain object, as in `verb create, late by 5`. */
export function words(object: unknown): string {
  return Object.entries(object as Record<string, unknown>)
    .map(
      ([key, value]) =>
        `${key} ${typeof value === 'object' ? `(${words(value)})` : JSON.stringify(value)}`,
    )
    .join(', ');
}
