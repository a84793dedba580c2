import type { Mode } from '../schedule.ts';
import { bothMutants } from './both.ts';
import { leaseMutants } from './lease.ts';
import { lifeMutants } from './life.ts';

/** A defect that is put into the library on purpose: the simulator has to find it. */
export interface Mutant {
  readonly name: string;
  readonly defect: string;
  /** The mistake of an elector that it stands for, or a cousin of one. */
  readonly trap: string;
  /** The worlds in which it shows. */
  readonly seenIn: readonly Mode[];
  /** The number of schedules of a mode in which it is found at the latest, by default 2,000. */
  readonly within?: number;
  readonly edits: readonly Edit[];
}

export interface Edit {
  /** From the root of the project. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly find: string;
  readonly replace: string;
}

export const mutants: readonly Mutant[] = [...lifeMutants, ...leaseMutants, ...bothMutants].sort(
  (a, b) => (a.name < b.name ? -1 : 1),
);

/** The files that the defect changes, with their new text. Throws if an edit does not fit the library. */
export function mutate(mutant: Mutant, read: (file: string) => string): Map<string, string> {
  const texts = new Map<string, string>();
  for (const { file, find, replace } of mutant.edits) {
    const parts = (texts.get(file) ?? read(file)).split(find);
    if (parts.length !== 2) {
      const count = parts.length === 1 ? 'does not occur' : 'occurs more than once';
      throw new Error(`${mutant.name}: what it looks for in ${file} ${count}: ${find}`);
    }
    texts.set(file, parts.join(replace));
  }
  return texts;
}
