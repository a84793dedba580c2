import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findExecutable } from '../../lib/cli/executable.ts';

const folder = mkdtempSync(join(tmpdir(), 'leader-for-life-executable-'));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'folder'));
writeFileSync(join(folder, 'program'), '#!/bin/sh\n', { mode: 0o755 });
writeFileSync(join(folder, 'text'), '');

const env = execFileSync('which', ['env']).toString().trim();

/** The exit code that `env`, which calls `execvp`, has for a command: 126, 127, or the command's. */
function codeOfEnv(name: string, path: string | undefined): number | null {
  return spawnSync(env, [name], { env: path === undefined ? {} : { PATH: path } }).status;
}

const at = (...parts: string[]) => join(folder, ...parts);

test.each<[string, string, string | undefined]>([
  ['a program', at('program'), ''],
  ['a program on the PATH', 'program', folder],
  ['a program without a PATH', 'true', undefined],
  ['a missing file', at('nothing'), ''],
  ['a file that is not executable', at('text'), ''],
  ['a folder', at('folder'), ''],
  ['a folder on the PATH', 'folder', folder],
  ['a path through a file', at('text', 'x'), ''],
  ['a PATH through a file, before the program', 'program', `${at('text')}:${folder}`],
  ['a PATH through a file', 'program', at('text')],
  ['a name that is too long', at('x'.repeat(5_000)), ''],
  ['no name', '', folder],
])('%s is found or refused as execvp does', (_, name, path) => {
  const found = findExecutable(name, { PATH: path });
  const code = 'path' in found ? 0 : found.missing === 'found' ? 127 : 126;
  expect(code).toBe(codeOfEnv(name, path));
});

test('a folder on the PATH that this user may not enter is passed over', () => {
  const isRoot = process.geteuid?.() === 0;
  mkdirSync(at('closed'), { mode: isRoot ? 0o700 : 0 });
  chmodSync(folder, 0o755);
  if (isRoot) process.seteuid?.(65_534);
  try {
    const path = `${at('closed')}:${folder}`;
    expect(findExecutable('program', { PATH: path })).toEqual({ path: at('program') });
    expect(findExecutable('nothing', { PATH: path })).toEqual({ missing: 'executable' });
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});
