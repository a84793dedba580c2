import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../public/entry-points.ts';
import { run } from './process.ts';

const installations = new Map<string, Promise<string>>();

/** The path of a file in a package from npm, whose scripts do not run; kept until the next `npm ci`. */
export async function tool(name: string, version: string, file: string): Promise<string> {
  const label = `${name.replace(/^@|\//g, '')}-${version}`;
  // Two at once would take each other's files away.
  const installation = installations.get(label) ?? install(name, version, label);
  installations.set(label, installation);
  return join(await installation, 'node_modules', name, file);
}

async function install(name: string, version: string, label: string): Promise<string> {
  const folder = join(root, 'node_modules/.cache/leader-for-life', label);
  if (!existsSync(join(folder, 'node_modules', name, 'package.json'))) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const quietly = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
    const args = ['install', ...quietly, '--ignore-scripts', `${name}@${version}`];
    await run('npm', args, { cwd: folder, timeoutMs: 300_000 });
  }
  return folder;
}
