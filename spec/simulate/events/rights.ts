import { anySlot, duration, events } from '../draw.ts';
import type { Event } from '../schedule.ts';
import type { Family } from '../family.ts';
import type { LifeSlot } from '../life-candidate.ts';
import type { Slot, World } from '../world.ts';
import { targetName } from './target.ts';

/** Those that a candidate can do without, as `docs/rbac.md` says. */
const OPTIONAL = [
  { verb: 'get', resource: 'pods' },
  { verb: 'watch', resource: 'pods' },
  { verb: 'list', resource: 'pods' },
  { verb: 'watch', resource: 'configmaps' },
  { verb: 'patch', resource: 'configmaps' },
] as const;

type Right = (typeof OPTIONAL)[number];

/** Optional rights that a Role does not give for a while. */
export const rights: Family = {
  name: 'rights',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 3), () => ({
      what: 'withdraw right',
      slot: luck.chance(0.5) ? 'everybody' : anySlot(luck, setting),
      right: luck.pick(OPTIONAL),
      forMs: duration(luck, 60_000, 1),
    })),
  kinds: {
    'withdraw right': {
      act: (world, event) => {
        const { verb, resource } = rightOf(event);
        const faults = concerned(world, event).map(({ podName }) => {
          const message = `${resource} is forbidden: User "${podName}" cannot ${verb} resource "${resource}"`;
          const error = { status: 403, reason: 'Forbidden', message };
          return world.cluster.faults.add({ user: podName, verb, resource, error });
        });
        if (faults.length > 0) world.figures.add('rights withdrawn');
        world.later(Number(event['forMs']), () => {
          for (const fault of faults) fault.remove();
        });
      },
      tell: (event) => {
        const { verb, resource } = rightOf(event);
        const whom = event['slot'] === 'everybody' ? 'everybody' : targetName(event);
        return `for ${String(event['forMs'])} ms ${whom} may not ${verb} ${resource}`;
      },
    },
  },
};

function rightOf(event: Event): Right {
  return event['right'] as Right;
}

/** Who may not read his Pod cannot notice that he was told a wrong UID: nobody promises that. */
function concerned(world: World, event: Event): Slot[] {
  const { slot } = event;
  const slots = slot === 'everybody' ? world.slots : [world.slot(Number(slot))];
  const isReading = rightOf(event).verb === 'get';
  return slots.filter(({ setting }) => !(isReading && (setting as LifeSlot).uid === 'wrong'));
}
