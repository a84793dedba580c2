import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { withLock } from './lock.ts';
import { findProgram } from './program.ts';
import { folderFrom } from './xdg.ts';

/** A program of this project's own, and a name that changes with its source. */
export interface GoProgram {
  readonly path: string;
  readonly version: string;
}

/**
 * Builds a program of the Go module in `folder`, unless that was done before. Go checks everything it
 * downloads by the `go.sum` of the module.
 */
export async function goProgram(folder: string, program = '.'): Promise<GoProgram> {
  const version = digest(folder);
  const name = basename(join(folder, program));
  const cache = join(folderFrom('XDG_CACHE_HOME', '.cache'), 'leader-for-life', name);
  const path = join(cache, version);
  await withLock(
    `the build in ${cache}`,
    () => undefined,
    async () => {
      if (existsSync(path)) return;
      await mkdir(cache, { recursive: true });
      await compile(folder, program, path);
    },
  );
  return { path, version };
}

async function compile(folder: string, program: string, path: string): Promise<void> {
  const go = findProgram('go', ['/usr/local/go/bin']);
  if (!go) throw new Error(`Go is missing: it builds the program in ${folder}`);
  // A build that was cut short leaves no program behind that looks whole.
  const unfinished = `${path}.${process.pid}`;
  const args = [
    '-n',
    '10',
    go,
    'build',
    '-trimpath',
    '-ldflags',
    '-s -w',
    '-o',
    unfinished,
    `./${program}`,
  ];
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
  await promisify(execFile)('nice', args, { cwd: folder, env });
  await rename(unfinished, path);
}

function digest(folder: string): string {
  const hash = createHash('sha256');
  for (const name of globSync('**/*.{go,mod,sum}', { cwd: folder }).sort()) {
    hash.update(name).update(readFileSync(join(folder, name)));
  }
  return hash.digest('hex').slice(0, 12);
}
