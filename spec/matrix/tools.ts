import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../public/entry-points.ts';
import { run } from './process.ts';

/** The path of a file in a package from npm, whose scripts do not run; kept until the next `npm ci`. */
export async function tool(name: string, version: string, file: string): Promise<string> {
  const label = `${name.replace(/^@|\//g, '')}-${version}`;
  const folder = join(root, 'node_modules/.cache/leader-for-life', label);
  const path = join(folder, 'node_modules', name, file);
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const quietly = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
    const args = ['install', ...quietly, '--ignore-scripts', `${name}@${version}`];
    await run('npm', args, { cwd: folder, timeoutMs: 300_000 });
  }
  return path;
}
