import { tool } from './tools.ts';
import { tools } from './versions.ts';

/** A runtime other than Node.js, and how it runs a program. */
export interface Runtime {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
}

const { platform, arch } = process;

/** Deno twice: without all rights it has no fine boot clock. */
export async function runtimes(): Promise<Runtime[]> {
  const [bun, deno] = await Promise.all([bunPath(), denoPath()]);
  const rights = ['--allow-net', '--allow-read', '--allow-env', '--allow-sys'];
  return [
    { name: `Bun ${tools.bun}`, path: bun, args: [] },
    { name: `Deno ${tools.deno}`, path: deno, args: ['run', '--allow-all'] },
    { name: `Deno ${tools.deno}, not all rights`, path: deno, args: ['run', ...rights] },
  ];
}

/** The packages `bun` and `deno` install these with scripts; taken directly, they need none. */
export function bunPath(): Promise<string> {
  const name = `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`;
  return tool(name, tools.bun, 'bin/bun');
}

function denoPath(): Promise<string> {
  const name = `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`;
  return tool(name, tools.deno, 'deno');
}
