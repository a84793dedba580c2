import { leaseDefects, leaseScenes } from './lease-scenes.ts';
import { lifeDefects, lifeScenes } from './life-scenes.ts';
import type { Mode, Scene } from './scene.ts';

export const scenes: readonly Scene[] = [...lifeScenes, ...leaseScenes];

/** Defects that a model itself can have, because what they change is not in a protocol's `step`. */
export const defects: Readonly<Record<string, Mode>> = {
  ...inMode(lifeDefects, 'life'),
  ...inMode(leaseDefects, 'lease'),
};

function inMode(names: readonly string[], mode: Mode) {
  return Object.fromEntries(names.map((name) => [name, mode]));
}
