import { LeaseModel } from './lease-model.ts';
import { type Electing, type LeaseBounds, NOTHING, SHIPPED } from './lease-world.ts';
import { type Scene, exploreModel } from './scene.ts';

const PLAIN: LeaseBounds = {
  ...NOTHING,
  electors: 2,
  wall: 'goes',
  leases: 'alike',
  namesakes: false,
  contained: false,
  yields: false,
  webhook: 'shortens',
  remembered: 1,
};

/** Defects of what surrounds `step`, which the model can have. */
const electingDefects: Readonly<Record<string, Partial<Electing>>> = {
  'container-by-name': { tellsContainersApart: false },
  'lease-forgotten': { remembers: false },
  'no-local-expiry': { isJudged: false },
  'writes-unconditional': { isConditional: false },
};

export const leaseDefects = Object.keys(electingDefects);

function lease(name: string, bounds: Partial<LeaseBounds>, isDeep = false): Scene {
  const all = { ...PLAIN, ...bounds };
  const explore = (maxStates: number, defect = '') =>
    exploreModel(new LeaseModel(all, { ...SHIPPED, ...electingDefects[defect] }), maxStates);
  return { mode: 'lease', name, isDeep, explore };
}

function deep(name: string, bounds: Partial<LeaseBounds>): Scene {
  return lease(name, bounds, true);
}

/** Small ones first, so that what is wrong is found soon. */
export const leaseScenes: readonly Scene[] = [
  lease('two electors', { ticks: 4 }),
  lease('a wall clock that stands still', { wall: 'stands still', ticks: 4, again: 0 }),
  lease('a wall clock that is late', { wall: 'is late', ticks: 2 }),
  lease('leases of different durations', { leases: 'longer' }),
  lease('slow answers', { slow: 1 }),
  lease('a machine that sleeps', { suspensions: 1 }),
  lease('work that ends', { finishes: 1 }),
  lease('old events', { remembered: 3 }),
  lease('three electors', { electors: 3, ticks: 2 }),
  lease('refusals', { refused: 1 }),
  lease('a write made twice', { doubled: 1 }),
  lease('a watch that is lost', { watches: 1 }),
  lease('a restart', { restarts: 1 }),
  lease('a container that ends', { contained: true, ends: 1, again: 0 }),
  lease('two containers that end', { contained: true, ends: 2, again: 0, ticks: 1 }),
  lease('a container that ends, a lost answer', {
    contained: true,
    ...{ ends: 1, lost: 1, again: 0, ticks: 1 },
  }),
  lease('a holder emptied by hand', { wipes: 1, again: 1 }),
  lease('a holder emptied by hand, work that ends', { wipes: 1, finishes: 1, again: 0, ticks: 2 }),
  lease('a Lease deleted by hand, work that ends', {
    deletions: 1,
    finishes: 1,
    again: 1,
    ticks: 1,
  }),
  lease('a Lease deleted by hand', { deletions: 1, again: 1 }),
  lease('namesakes', { namesakes: true, again: 1 }),
  lease('namesakes, one of which begins anew', {
    namesakes: true,
    wall: 'stands still',
    restarts: 1,
    ticks: 1,
    again: 0,
  }),
  lease('a webhook that stamps', { webhook: 'stamps', webhooks: 1 }),
  lease('a webhook that shortens', { webhooks: 1 }),
  lease('time without end', { ticks: Infinity, again: 0 }),
  lease('a lost answer', { lost: 1 }),
  lease('a Lease deleted by hand, a lost answer', { deletions: 1, lost: 1, again: 0, ticks: 2 }),
  lease('namesakes and another', { namesakes: true, electors: 3, ticks: 2, again: 0 }),
  lease('a step-down, an illness', { stepDowns: 1, illnesses: 1, again: 1, ticks: 2 }),
  lease('preferences', { yields: true, stepDowns: 1, again: 1, ticks: 2 }),
  deep('a webhook that is installed and removed', { webhooks: 2 }),
  deep('time without end, three electors', { electors: 3, ticks: Infinity, again: 0 }),
  deep('time without end, a restart, a lost answer, a Lease deleted by hand', {
    ticks: Infinity,
    again: 0,
    restarts: 1,
    lost: 1,
    deletions: 1,
  }),
  deep('three electors, longer', { electors: 3, ticks: 3 }),
  deep('two lost answers', { lost: 2, ticks: 4 }),
  deep('a lost answer, work that ends', { lost: 1, finishes: 1 }),
  deep('three electors, a lost answer', { electors: 3, lost: 1, ticks: 3 }),
  deep('a Lease deleted by hand, a lost answer, work that ends', {
    deletions: 1,
    lost: 1,
    finishes: 1,
    again: 1,
    ticks: 1,
  }),
  deep('a Lease deleted by hand, a lost answer, longer', { deletions: 1, lost: 1, ticks: 4 }),
];
