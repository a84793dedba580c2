import { leaseScenes } from './lease-scenes.ts';
import { lifeDefects, lifeScenes } from './life-scenes.ts';
import type { Scene } from './scene.ts';

export const scenes: readonly Scene[] = [...lifeScenes, ...leaseScenes];

/** Defects that a model itself can have, because what they change is not in a protocol's `step`. */
export const defects: readonly string[] = lifeDefects;
