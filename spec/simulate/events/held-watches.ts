import { anySlot, moment } from '../draw.ts';
import type { Family } from '../family.ts';
import type { Passed } from '../line.ts';
import { targetName, targetOf } from './target.ts';

const passes: Readonly<Record<Passed, string>> = {
  head: 'the heads of watches and nothing that they show',
  first: 'what watches show as they open and nothing after it',
};

/** How often a schedule that knows this family has such a proxy. */
const SHARE = 0.3;

/** A proxy holds back what watches show. Nobody mends it: it stays when everything else is mended. */
export const heldWatches: Family = {
  name: 'held watches',
  draw: (luck, setting) => {
    if (setting.slots.length === 0 || !luck.chance(SHARE)) return [];
    return [
      {
        atMs: luck.chance(0.3) ? 0 : moment(luck, setting),
        what: 'hold watches back',
        slot: luck.chance(0.6) ? 'everybody' : anySlot(luck, setting),
        passed: luck.pick<Passed>(['head', 'head', 'first']),
      },
    ];
  },
  kinds: {
    'hold watches back': {
      act: (world, event) => {
        const all = world.slots.map(({ index }) => index);
        const indexes = event['slot'] === 'everybody' ? all : [targetOf(world, event)];
        for (const index of indexes) world.holdWatchesBack(index, event['passed'] as Passed);
        world.figures.add('watches held back for good');
      },
      tell: (event) => {
        const whom = event['slot'] === 'everybody' ? 'everybody' : targetName(event);
        return `from now on a proxy passes to ${whom} ${passes[event['passed'] as Passed]}`;
      },
    },
  },
};
