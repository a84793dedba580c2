import { duration, events } from '../draw.ts';
import type { Family } from '../family.ts';

/** Nodes that are not heard from; what runs there runs on. */
export const nodes: Family = {
  name: 'nodes',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 2), () => ({
      what: 'lose nodes',
      forMs: duration(luck, 60_000, 1_000),
    })),
  kinds: {
    'lose nodes': {
      act: (world, event) => {
        const { cluster } = world;
        const names = new Set(
          world.slots.flatMap(({ podName }) => cluster.getPod(podName)?.spec?.nodeName ?? []),
        );
        for (const name of names) cluster.setNodeReady(name, false);
        world.later(Number(event['forMs']), () => {
          for (const name of names) cluster.setNodeReady(name, true);
        });
      },
      tell: (event) => `no node is heard from for ${String(event['forMs'])} ms`,
    },
  },
};
