import { anySlot, duration, events } from '../draw.ts';
import type { Family } from '../family.ts';
import type { Mishap } from '../line.ts';
import { targetName, targetOf } from './target.ts';

/** An API server that does not listen, as while it starts again: what is asked was never sent. */
export const refusedConnections: Family = {
  name: 'refused connections',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 2), () => ({
      what: 'refuse connections',
      slot: luck.pick(['everybody', 'leader', anySlot(luck, setting)]),
      forMs: duration(luck, 30_000, 1),
    })),
  kinds: {
    'refuse connections': {
      act: (world, event) => {
        const candidates =
          event['slot'] === 'everybody'
            ? world.living
            : [world.slot(targetOf(world, event)).candidate];
        const lines = new Set(candidates.flatMap((candidate) => candidate?.process.line ?? []));
        const mishap: Mishap = { isRefused: true, probability: 1 };
        for (const line of lines) line.mishaps = [mishap, ...line.mishaps];
        world.later(Number(event['forMs']), () => {
          for (const line of lines) line.mishaps = line.mishaps.filter((other) => other !== mishap);
        });
      },
      tell: (event) => {
        const whom = event['slot'] === 'everybody' ? 'everybody' : targetName(event);
        return `for ${String(event['forMs'])} ms new connections of ${whom} are refused`;
      },
    },
  },
};
