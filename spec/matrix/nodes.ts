import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../public/entry-points.ts';
import { run } from './process.ts';
import { atMost } from './report.ts';

export interface NodeBinary {
  /** As it says itself. */
  readonly version: string;
  readonly path: string;
}

/** Binaries of Node.js from npm, kept until the next `npm ci`; `22` is the newest 22. */
export function nodeBinaries(versions: readonly string[]): Promise<NodeBinary[]> {
  return atMost(
    2,
    versions.map((wanted) => async () => {
      const path = isRunning(wanted) ? process.execPath : await install(wanted);
      const version = await run(path, ['--version'], { cwd: root, timeoutMs: 10_000 });
      return { path, version: version.trim().replace(/^v/, '') };
    }),
  );
}

function isRunning(wanted: string): boolean {
  return `${process.versions.node}.`.startsWith(`${wanted}.`);
}

async function install(wanted: string): Promise<string> {
  const folder = join(root, 'node_modules/.cache/leader-for-life', `node-${wanted}`);
  const name = packageName();
  const path = join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
    await run('npm', [...args, `${name}@${wanted}`], { cwd: folder, timeoutMs: 300_000 });
  }
  return path;
}

/** The package `node` installs one of these with a script; taken directly, it needs none. */
function packageName(): string {
  const { platform, arch } = process;
  const prefix = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node';
  return [prefix, platform, arch].join('-');
}
