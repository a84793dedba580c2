import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Variables } from './option.ts';

/** The file that a command's name stands for, or why there is none. */
export type Executable = { readonly path: string } | { readonly missing: 'found' | 'executable' };

/** Looks a command up as `execvp` does. */
export function findExecutable(name: string, { PATH = '' }: Variables): Executable {
  const paths = name.includes('/')
    ? [name]
    : PATH.split(delimiter).map((folder) => join(folder, name));
  const files = paths.filter(isFile);
  const path = files.find(isExecutable);
  if (path !== undefined) return { path };
  return { missing: files.length > 0 ? 'executable' : 'found' };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
