import { root } from '../public/entry-points.ts';
import { run } from './process.ts';
import { atMost } from './report.ts';
import { tool } from './tools.ts';

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

function install(wanted: string): Promise<string> {
  const name = packageName();
  return tool(name, wanted, 'bin/node');
}

/** The package `node` installs one of these with a script; taken directly, it needs none. */
function packageName(): string {
  const { platform, arch } = process;
  const prefix = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node';
  return [prefix, platform, arch].join('-');
}
