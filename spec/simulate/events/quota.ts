import { duration, events } from '../draw.ts';
import type { Family } from '../family.ts';
import type { World } from '../world.ts';

/** The namespace may hold as much as anybody likes again. */
export function giveBackQuota(world: World): void {
  world.cluster.setQuota(undefined);
}

/** A namespace whose quota is used up: by others, so that nothing of this kind can be created. */
function quotaOf(name: string, what: string, resource: string, kind: string): Family {
  return {
    name,
    draw: (luck, setting) =>
      events(luck, setting, luck.integer(1, 3), () => ({
        what,
        forMs: duration(luck, 60_000, 1),
      })),
    kinds: {
      [what]: {
        act: (world, event) => {
          world.cluster.setQuota({ [`count/${resource}`]: 0 });
          world.later(Number(event['forMs']), () => {
            giveBackQuota(world);
          });
        },
        tell: (event) => `for ${String(event['forMs'])} ms the quota allows no further ${kind}`,
      },
    },
  };
}

export const quota = quotaOf('quota', 'exhaust quota', 'configmaps', 'ConfigMap');

export const leaseQuota = quotaOf(
  'quota of Leases',
  'exhaust quota of Leases',
  'leases.coordination.k8s.io',
  'Lease',
);
