import { duration, events } from '../draw.ts';
import type { Family, Kind } from '../family.ts';
import { HAND } from '../lease-record.ts';
import type { World } from '../world.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

function patch({ cluster }: World, collection: string, changes: object): void {
  cluster.request('PATCH', `${collection}/lock`, changes, 'application/merge-patch+json');
}

export function patchLock(world: World, metadata: object): void {
  patch(world, CONFIG_MAPS, { metadata });
}

export function patchLease(world: World, changes: object): void {
  patch(world, LEASES, changes);
}

/** Nothing holds the lock any more. */
export function releaseHold(world: World): void {
  patchLock(world, { finalizers: null });
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
      act: ({ cluster: { garbageCollector } }) => {
        garbageCollector.stop();
        return () => garbageCollector.start();
      },
      tell: 'the garbage collector stands still for {forMs} ms',
    },
    'slow collector': {
      act: ({ cluster: { garbageCollector } }, { delayMs }) => {
        garbageCollector.delayMs = delayMs;
      },
      tell: 'the garbage collector takes {delayMs} ms from now on',
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
      act: (world) => patchLock(world, { labels: { touched: String(world.clock.now()) } }),
      tell: 'somebody puts a label on the lock',
    },
    'orphan lock': {
      act: (world) => patchLock(world, { ownerReferences: null }),
      tell: 'the owner reference of the lock is stripped, as by an orphaning deletion',
    },
    'hold lock': {
      act: (world) => {
        patchLock(world, { finalizers: ['example.com/hold'] });
        return () => releaseHold(world);
      },
      tell: 'a finalizer holds the lock for {forMs} ms',
    },
  },
};

function plant({ cluster, figures, truth }: World): void {
  if (truth.lock) return;
  const body = { metadata: { name: 'lock' }, data: { whose: 'somebody else’s' } };
  const { status } = cluster.request('POST', CONFIG_MAPS, body);
  if (status === 201) figures.add('foreign ConfigMap of the lock’s name');
}

/** Somebody sees his mistake, and deletes what he made. */
export function removeForeign({ cluster, truth }: World): void {
  if (truth.lock?.holderUid === '') cluster.request('DELETE', `${CONFIG_MAPS}/lock`);
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
      act: (world) => {
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
        tryNow();
        return () => {
          isOver = true;
          leave();
          removeForeign(world);
        };
      },
      tell: 'for {forMs} ms somebody wants a ConfigMap of his own to have the lock’s name',
    },
  },
};

/** Somebody edits the Lease, and leaves a trace by which checks know. */
function edit(world: World, changes: object): void {
  const annotations = { [HAND]: String(world.nextNumber()) };
  patchLease(world, { metadata: { annotations }, ...changes });
}

function editing(spec: Readonly<Record<string, unknown>>, tell: string): Kind {
  return { act: (world) => edit(world, { spec }), tell };
}

/** Somebody touches the Lease: labels, which mean nothing. */
export const leaseLabels: Family = {
  name: 'lease labels',
  draw: (luck, setting) => events(luck, setting, luck.integer(1, 4), () => ({ what: 'relabel' })),
  kinds: { relabel: { act: (world) => edit(world, {}), tell: 'somebody labels the Lease' } },
};

/** Somebody deletes the Lease, once or twice in a row. */
export const leaseDeletions: Family = {
  name: 'lease deletions',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 2), () => ({ what: 'delete the Lease' })).flatMap(
      (event) =>
        luck.chance(0.3)
          ? [event, { ...event, atMs: event.atMs + duration(luck, 5_000) }]
          : [event],
    ),
  kinds: {
    'delete the Lease': {
      act: ({ cluster }) => cluster.request('DELETE', `${LEASES}/lock`),
      tell: 'somebody deletes the Lease',
    },
  },
};

const EDITS = [
  'wipe the Lease',
  'give the Lease away',
  'strip the Lease',
  'use the Lease',
  'use the Lease',
] as const;

/** Somebody edits who holds it. */
export const leaseEdits: Family = {
  name: 'lease edits',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 2), () => ({ what: luck.pick(EDITS) })),
  kinds: {
    'wipe the Lease': editing({ holderIdentity: '' }, 'somebody wipes the Lease’s holder'),
    'give the Lease away': editing(
      { holderIdentity: 'somebody', leaseDurationSeconds: 10 },
      'somebody writes another holder into the Lease',
    ),
    'use the Lease': {
      act: (world) => {
        const { leaseTransitions = 0 } = world.cluster.getLease('lock')?.spec ?? {};
        edit(world, { spec: { holderIdentity: '', leaseTransitions: leaseTransitions + 1 } });
      },
      tell: 'somebody takes the Lease, and gives it up at once',
    },
    'strip the Lease': editing(
      { holderIdentity: null, renewTime: null, acquireTime: null, leaseDurationSeconds: null },
      'somebody strips the Lease of all but its transitions',
    ),
  },
};

/** A Lease that was there before anybody who plays. */
export function leave({ cluster }: World, spec: object | undefined): void {
  if (spec) cluster.request('POST', LEASES, { metadata: { name: 'lock' }, spec });
}
