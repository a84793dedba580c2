import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { hasImage, importImage } from '../cluster/containerd.ts';
import { withLock } from '../cluster/lock.ts';
import { findProgram } from '../cluster/program.ts';
import type { Cluster } from '../cluster/state.ts';
import { folderFrom } from '../cluster/xdg.ts';

const source = join(import.meta.dirname, 'operator-lib');

/** Builds the candidate in Go once, and puts it on the node as an image, whose name it tells. */
export async function operatorLibImage(cluster: Cluster): Promise<string> {
  const version = digest();
  const name = `localhost/operator-lib:${version}`;
  if (await hasImage(cluster, name)) return name;
  const folder = join(folderFrom('XDG_CACHE_HOME', '.cache'), 'leader-for-life', 'operator-lib');
  const program = join(folder, version);
  await withLock(
    `the build in ${folder}`,
    () => undefined,
    async () => {
      if (existsSync(program)) return;
      await mkdir(folder, { recursive: true });
      await compile(program);
    },
  );
  const to = '/operator-lib';
  await importImage(cluster, { name, files: [{ from: program, to }], entrypoint: [to] });
  return name;
}

/** Go checks everything it downloads by the `go.sum` beside the source. */
async function compile(program: string): Promise<void> {
  const go = findProgram('go', ['/usr/local/go/bin']);
  if (!go) throw new Error('Go is missing: it builds the candidate that uses operator-lib');
  const unfinished = `${program}.${process.pid}`;
  const args = ['-n', '10', go, 'build', '-trimpath', '-ldflags', '-s -w', '-o', unfinished, '.'];
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
  await promisify(execFile)('nice', args, { cwd: source, env });
  await rename(unfinished, program);
}

function digest(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(source).sort()) {
    hash.update(name).update(readFileSync(join(source, name)));
  }
  return hash.digest('hex').slice(0, 12);
}
