import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Variables } from './option.ts';

/** The file that a command's name stands for, or why there is none. */
export type Executable = { readonly path: string } | { readonly missing: 'found' | 'executable' };

/** Of `execvp`, if there is no PATH. */
const DEFAULT_PATH = '/usr/bin:/bin';

/** Looks a command up as `execvp` does: what this user may not reach or run, it passes over. */
export function findExecutable(name: string, { PATH = DEFAULT_PATH }: Variables): Executable {
  if (name === '') return { missing: 'found' };
  const paths = name.includes('/')
    ? [name]
    : PATH.split(delimiter).map((folder) => join(folder, name));
  const obstacles = paths.map(obstacleOf);
  const path = paths[obstacles.indexOf(undefined)];
  if (path !== undefined) return { path };
  return { missing: obstacles.every((code) => code === 'ENOENT') ? 'found' : 'executable' };
}

/** The code of the error with which this file could not be executed. */
function obstacleOf(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return 'EACCES';
    accessSync(path, constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  }
}
