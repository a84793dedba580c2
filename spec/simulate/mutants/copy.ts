import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mutant, mutate } from './mutant.ts';

const root = join(import.meta.dirname, '../../..');

/** Copies of the library and of the simulator, in a folder of their own: the checkout stays as it is. */
export class Copies {
  readonly #folder = mkdtempSync(join(tmpdir(), 'leader-for-life-mutants-'));

  /** A copy without a defect, in a new folder. */
  plain(name: string): string {
    const copy = join(this.#folder, name);
    mkdirSync(copy);
    for (const part of ['lib', 'spec', 'site/playground', 'package.json', 'tsconfig.json']) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    return copy;
  }

  /** A copy with that defect. Throws if the defect does not fit the library. */
  mutated(mutant: Mutant): string {
    const copy = this.plain(mutant.name);
    for (const [file, text] of mutate(mutant, readFile)) writeFileSync(join(copy, file), text);
    return copy;
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The text of a file of this checkout. */
export function readFile(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}
