import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mutant } from './mutant.ts';

const root = join(import.meta.dirname, '../../..');

/** Copies of the library and of the simulator, in a folder of their own: the checkout stays as it is. */
export class Copies {
  readonly #folder = mkdtempSync(join(tmpdir(), 'leader-for-life-mutants-'));

  /** A copy of what there is, in a new folder. */
  plain(name: string): string {
    const copy = join(this.#folder, name);
    mkdirSync(copy);
    for (const part of ['lib', 'spec', 'package.json', 'tsconfig.json']) {
      cpSync(join(root, part), join(copy, part), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    return copy;
  }

  /** A copy with that defect. Throws if the patch does not apply. */
  mutated(mutant: Mutant): string {
    const copy = this.plain(mutant.name);
    apply(mutant, copy);
    return copy;
  }

  /** The text of the files that the mutant changes, as it leaves them. Throws likewise. */
  changed(mutant: Mutant): Map<string, string> {
    const bare = mkdtempSync(join(this.#folder, 'changed-'));
    for (const file of mutant.files) {
      cpSync(join(root, file), join(bare, file), { recursive: true });
    }
    apply(mutant, bare);
    return new Map(mutant.files.map((file) => [file, readFileSync(join(bare, file), 'utf8')]));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function apply({ name, patch }: Mutant, folder: string): void {
  try {
    // Not as a part of the repository that the folder may be in.
    const env = { ...process.env, GIT_CEILING_DIRECTORIES: join(folder, '..') };
    execFileSync('git', ['apply', '-'], { cwd: folder, env, input: patch, stdio: 'pipe' });
  } catch (error) {
    throw new Error(
      `${name}.patch does not apply any more: make it anew for the library as it is`,
      { cause: error },
    );
  }
}
