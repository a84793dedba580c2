import { duration, events } from '../draw.ts';
import type { Family } from '../family.ts';
import type { World } from '../world.ts';

/** The namespace may hold as much as anybody likes again. */
export function giveBackQuota(world: World): void {
  world.cluster.setQuota(undefined);
}

/** A namespace whose quota of ConfigMaps is used up: by others, so that no lock can be created. */
export const quota: Family = {
  name: 'quota',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 3), () => ({
      what: 'exhaust quota',
      forMs: duration(luck, 60_000, 1),
    })),
  kinds: {
    'exhaust quota': {
      act: (world, event) => {
        world.cluster.setQuota({ 'count/configmaps': 0 });
        world.later(Number(event['forMs']), () => {
          giveBackQuota(world);
        });
      },
      tell: (event) => `for ${String(event['forMs'])} ms the quota allows no further ConfigMap`,
    },
  },
};
