import { duration, events } from '../draw.ts';
import { HAND } from '../excuses.ts';
import type { Family, Kind } from '../family.ts';
import type { World } from '../world.ts';

const PATH = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

/** Somebody edits the Lease, and leaves a trace by which checks know. */
function edit(world: World, changes: object): void {
  const annotations = { [HAND]: String(world.nextNumber()) };
  const body = { metadata: { annotations }, ...changes };
  world.cluster.request('PATCH', `${PATH}/lock`, body, 'application/merge-patch+json');
}

function editing(spec: Readonly<Record<string, unknown>>, tell: string): Kind {
  return {
    act: (world) => {
      edit(world, { spec });
    },
    tell: () => tell,
  };
}

/** Somebody touches the Lease: labels, which mean nothing. */
export const leaseLabels: Family = {
  name: 'lease labels',
  draw: (luck, setting) => events(luck, setting, luck.integer(1, 4), () => ({ what: 'relabel' })),
  kinds: {
    relabel: {
      act: (world) => {
        edit(world, {});
      },
      tell: () => 'somebody labels the Lease',
    },
  },
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
      act: (world) => {
        world.cluster.request('DELETE', `${PATH}/lock`);
      },
      tell: () => 'somebody deletes the Lease',
    },
  },
};

/** Somebody edits who holds it. */
export const leaseEdits: Family = {
  name: 'lease edits',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 2), () => ({
      what: luck.pick([
        'wipe the Lease',
        'give the Lease away',
        'strip the Lease',
        'use the Lease',
        'use the Lease',
      ]),
    })),
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
      tell: () => 'somebody takes the Lease, and gives it up at once',
    },
    'strip the Lease': editing(
      { holderIdentity: null, renewTime: null, acquireTime: null, leaseDurationSeconds: null },
      'somebody strips the Lease of all but its transitions',
    ),
  },
};

/** A Lease that was there before anybody who plays. */
export function leave(world: World, spec: object | undefined): void {
  if (!spec) return;
  const body = { metadata: { name: 'lock' }, spec };
  world.cluster.request('POST', PATH, body);
}
