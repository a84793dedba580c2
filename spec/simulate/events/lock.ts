import { duration, events } from '../draw.ts';
import type { Family } from '../family.ts';
import type { World } from '../world.ts';

const PATH = '/api/v1/namespaces/default/configmaps/lock';

function patch(world: World, metadata: object): void {
  world.cluster.request('PATCH', PATH, { metadata }, 'application/merge-patch+json');
}

/** Nothing holds the lock any more. */
export function releaseHold(world: World): void {
  patch(world, { finalizers: null });
}

/** A garbage collector that is slow, or does not run. */
export const collector: Family = {
  name: 'collector',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 3), () => ({
      what: luck.pick(['stop collector', 'stop collector', 'slow collector']),
      forMs: duration(luck, 60_000, 1_000),
      delayMs: duration(luck, 20_000, 1),
    })),
  kinds: {
    'stop collector': {
      act: (world, event) => {
        const { garbageCollector } = world.cluster;
        garbageCollector.stop();
        world.later(Number(event['forMs']), () => {
          garbageCollector.start();
        });
      },
      tell: (event) => `the garbage collector stands still for ${String(event['forMs'])} ms`,
    },
    'slow collector': {
      act: (world, event) => {
        world.cluster.garbageCollector.delayMs = Number(event['delayMs']);
      },
      tell: (event) => `the garbage collector takes ${String(event['delayMs'])} ms from now on`,
    },
  },
};

/** What people may do to a lock: label it, annotate it, hold it with a finalizer, orphan it. */
export const meddling: Family = {
  name: 'meddling',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => ({
      what: luck.pick(['label lock', 'label lock', 'orphan lock', 'orphan lock', 'hold lock']),
      forMs: duration(luck, 30_000, 1),
    })),
  kinds: {
    'label lock': {
      act: (world) => {
        patch(world, { labels: { touched: String(world.clock.now()) } });
      },
      tell: () => 'somebody puts a label on the lock',
    },
    'orphan lock': {
      act: (world) => {
        patch(world, { ownerReferences: null });
      },
      tell: () => 'the owner reference of the lock is stripped, as by an orphaning deletion',
    },
    'hold lock': {
      act: (world, event) => {
        patch(world, { finalizers: ['example.com/hold'] });
        world.later(Number(event['forMs']), () => {
          releaseHold(world);
        });
      },
      tell: (event) => `a finalizer holds the lock for ${String(event['forMs'])} ms`,
    },
  },
};
