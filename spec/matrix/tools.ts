import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../public/entry-points.ts';
import { run } from './process.ts';

const installations = new Map<string, Promise<void>>();

/** The path of a file in a package from npm, whose scripts do not run; kept until the next `npm ci`. */
export async function tool(name: string, version: string, file: string): Promise<string> {
  const label = `${name.replace(/^@|\//g, '')}-${version}`;
  const folder = join(root, 'node_modules/.cache/leader-for-life', label);
  const path = join(folder, 'node_modules', name, file);
  // Two installations into one folder would take each other's files away.
  const installation = installations.get(path) ?? install(folder, path, `${name}@${version}`);
  installations.set(path, installation);
  await installation;
  return path;
}

async function install(folder: string, path: string, what: string): Promise<void> {
  if (existsSync(path)) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const quietly = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
  const args = ['install', ...quietly, '--ignore-scripts', what];
  await run('npm', args, { cwd: folder, timeoutMs: 300_000 });
}
