import { leasePart } from './lease-part.ts';
import { lifePart } from './life-part.ts';
import { mixedPart } from './mixed-part.ts';
import type { Mode } from './mode.ts';
import type { Part } from './part.ts';

const parts: Readonly<Record<Mode, Part>> = { life: lifePart, lease: leasePart, mixed: mixedPart };

/** What this mode's worlds are made of. */
export function partOf(mode: Mode): Part {
  return parts[mode];
}
