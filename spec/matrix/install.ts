import { copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from '../public/entry-points.ts';
import { run } from './process.ts';
import { atMost } from './report.ts';

/** An app that depends on the packed tarball and on client-node. */
export interface Consumer {
  readonly folder: string;
  /** The version of client-node that the app got. */
  readonly clientNode: string;
}

/** Builds and packs; resolves with the tarball's path. */
export async function pack(folder: string): Promise<string> {
  await run('npm', ['pack', '--pack-destination', folder], { cwd: root, timeoutMs: 120_000 });
  const [tarball] = globSync('leader-for-life-*.tgz', { cwd: folder });
  if (tarball === undefined) throw new Error('npm pack made no tarball');
  return join(folder, tarball);
}

/** One fresh app for each version of client-node. */
export function consumers(
  parent: string,
  tarball: string,
  clientNodes: readonly string[],
): Promise<Consumer[]> {
  return atMost(
    2,
    clientNodes.map((wanted) => async () => {
      const folder = join(parent, `client-node-${wanted}`);
      mkdirSync(folder);
      for (const path of globSync('*.{ts,cjs}', { cwd: join(import.meta.dirname, 'consumer') })) {
        copyFileSync(join(import.meta.dirname, 'consumer', path), join(folder, basename(path)));
      }
      const dependencies = { 'leader-for-life': tarball, '@kubernetes/client-node': wanted };
      const manifest = { private: true, type: 'module', dependencies };
      writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
      const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
      await run('npm', args, { cwd: folder, timeoutMs: 120_000 });
      return { folder, clientNode: versionOf(folder, '@kubernetes/client-node') };
    }),
  );
}

function versionOf(folder: string, name: string): string {
  const path = join(folder, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
