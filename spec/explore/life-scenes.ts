import { type Campaigning, SHIPPED } from './campaign-model.ts';
import { LifeModel } from './life-model.ts';
import { type Left, NOTHING } from './life-world.ts';
import { type Scene, exploreModel } from './scene.ts';

/** Defects of the campaign, which the model of it can have. */
const campaignDefects: Readonly<Record<string, Partial<Campaigning>>> = {
  'delete-undoubted': { doubtsDeletes: false },
  'foreign-answer-believed': { checksAnswers: false },
  'found-and-forgotten': { keepsFound: false },
  'hint-dropped': { keepsHints: false },
  'look-forgotten': { tellsLooks: false },
  'deletes-unconditional': { isConditional: false },
};

export const lifeDefects = Object.keys(campaignDefects);

type Bounds = Partial<
  Left & Pick<Campaigning, 'marks'> & { readonly pods: number; readonly yields: boolean }
>;

function life(name: string, bounds: Bounds, isDeep = false): Scene {
  const { pods = 3, marks = SHIPPED.marks, yields = false, ...left } = bounds;
  const all = { ...NOTHING, ...left };
  const explore = (maxStates: number, defect = '') => {
    const campaigning = { ...SHIPPED, marks, ...campaignDefects[defect] };
    return exploreModel(new LifeModel(pods, all, campaigning, yields), maxStates);
  };
  return { mode: 'life', name, isDeep, explore };
}

function deep(name: string, bounds: Bounds): Scene {
  return life(name, bounds, true);
}

/** Small ones first, so that what is wrong is found soon. */
export const lifeScenes: readonly Scene[] = [
  life('a foreground deletion', { foregrounds: 1, foreign: 1 }),
  life('a foreground deletion, late events', { foregrounds: 1, hints: 2 }),
  life('a foreground deletion, a release, marks denied', {
    foregrounds: 1,
    releases: 1,
    marks: false,
  }),
  life('a Pod that comes back under its name', { pods: 2, reborn: 1, deletions: 1, hints: 1 }),
  life('a finalizer on the lock', {
    pods: 2,
    finalizers: 1,
    releases: 1,
    calls: 1,
    marks: false,
  }),
  life('a foreground deletion, an abort', { pods: 2, foregrounds: 1, aborts: 1, calls: 1 }),
  life('two evictions', { evictions: 2 }),
  life('a foreground deletion, a restart', { foregrounds: 1, restarts: 1 }),
  life('a release, a lost answer', { releases: 1, lost: 1, calls: 1 }),
  life('an abort, a lost answer', { aborts: 1, calls: 1, lost: 1 }),
  life('a release, a write made twice', { releases: 1, calls: 1, doubled: 1 }),
  life('orphaned locks', { orphans: 1, deletions: 2 }),
  life('a foreground deletion, an eviction', { foregrounds: 1, evictions: 1 }),
  life('a foreground deletion, a release, late events', { foregrounds: 1, releases: 1, hints: 1 }),
  life('deletions of both kinds', { foregrounds: 1, deletions: 1 }),
  life('two foreground deletions', { foregrounds: 2 }),
  life('a step-down, an illness', { pods: 2, stepDowns: 1, illnesses: 1, calls: 1 }),
  life('preferences', { pods: 2, yields: true, stepDowns: 1, deletions: 1, calls: 1, hints: 1 }),
  deep('a foreground deletion, an abort, three Pods', { foregrounds: 1, aborts: 1, calls: 1 }),
  deep('two foreground deletions, an eviction', { foregrounds: 2, evictions: 1 }),
  deep('a Pod that comes back under its name, a restart, an eviction, a release', {
    reborn: 1,
    restarts: 1,
    deletions: 1,
    evictions: 1,
    releases: 1,
  }),
  deep('a foreground deletion, an eviction, late events', {
    foregrounds: 1,
    evictions: 1,
    hints: 1,
  }),
  deep('three foreground deletions', { foregrounds: 3 }),
  deep('two foreground deletions, late events', { foregrounds: 2, hints: 2 }),
  deep('releases, deletions of both kinds', { foregrounds: 1, deletions: 1, releases: 1 }),
  deep('two lost answers', { releases: 1, lost: 2, calls: 1, foregrounds: 1 }),
];
