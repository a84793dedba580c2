import { duration, events } from '../draw.ts';
import type { Family } from '../family.ts';
import type { World } from '../world.ts';

const PATH = '/api/v1/namespaces/default/configmaps';

function plant(world: World): void {
  if (world.truth.lock) return;
  const body = { metadata: { name: 'lock' }, data: { whose: 'somebody else’s' } };
  const { status } = world.cluster.request('POST', PATH, body);
  if (status === 201) world.figures.add('foreign ConfigMap of the lock’s name');
}

/** Somebody sees his mistake, and deletes what he made. */
export function removeForeign(world: World): void {
  if (world.truth.lock?.holderUid === '') world.cluster.request('DELETE', `${PATH}/lock`);
}

/** Somebody has a ConfigMap of his own under the lock's name, as soon as the name is free. */
export const foreign: Family = {
  name: 'foreign ConfigMaps',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 2), () => ({
      what: 'plant ConfigMap',
      forMs: duration(luck, 20_000, 1),
    })),
  kinds: {
    'plant ConfigMap': {
      act: (world, event) => {
        let isOver = false;
        const tryNow = () => {
          if (!isOver) plant(world);
        };
        const leave = world.listen((fact) => {
          if (fact.type === 'phase') isOver = true;
          // The instant first comes to its end: others may be faster.
          if (fact.type === 'written' && fact.resource === 'configmaps' && !fact.after) {
            world.later(0, tryNow);
          }
        });
        world.later(Number(event['forMs']), () => {
          isOver = true;
          leave();
          removeForeign(world);
        });
        tryNow();
      },
      tell: (event) =>
        `for ${String(event['forMs'])} ms somebody wants a ConfigMap of his own to have the lock’s name`,
    },
  },
};
