import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type { Consumer } from './install.ts';
import { run } from './process.ts';
import { bunPath } from './runtimes.ts';
import { tool } from './tools.ts';
import { electsByItself } from './trials.ts';
import { tools } from './versions.ts';

const PROGRAM = 'self-contained.ts';

/** What a package in CommonJS requires, client-node's among them, is not there in an ES module. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/** Bundles the program of an app into a folder; resolves with the bundle's path. */
type Bundler = (app: string, folder: string) => Promise<string>;

/** By name. */
export const bundlers: Readonly<Record<string, Bundler>> = {
  'esbuild, CommonJS': (app, folder) => esbuild(app, join(folder, 'bundle.cjs'), '--format=cjs'),
  'esbuild, ES module': (app, folder) =>
    esbuild(app, join(folder, 'bundle.mjs'), '--format=esm', `--banner:js=${REQUIRE}`),
  ncc: async (app, folder) => {
    const program = join(app, 'stripped.mjs');
    const options = { compilerOptions: { target: ts.ScriptTarget.ES2022 } };
    const code = readFileSync(join(app, PROGRAM), 'utf8');
    writeFileSync(program, ts.transpileModule(code, options).outputText);
    const ncc = await tool('@vercel/ncc', tools['@vercel/ncc'], 'dist/ncc/cli.js');
    const args = [ncc, 'build', program, '--out', folder];
    await run(process.execPath, args, { cwd: app, timeoutMs: 300_000 });
    return join(folder, 'index.mjs');
  },
  'bun build': async (app, folder) => {
    const bundle = join(folder, 'bundle.mjs');
    const args = ['build', PROGRAM, '--target=node', '--outfile', bundle];
    await run(await bunPath(), args, { cwd: app, timeoutMs: 120_000 });
    return bundle;
  },
};

async function esbuild(app: string, bundle: string, ...options: string[]): Promise<string> {
  const path = await tool('esbuild', tools.esbuild, 'bin/esbuild');
  const args = [path, PROGRAM, '--bundle', '--platform=node', `--outfile=${bundle}`, ...options];
  await run(process.execPath, args, { cwd: app, timeoutMs: 120_000 });
  return bundle;
}

/**
 * A bundle of the app runs without any `node_modules`, beside the manifest of an app of another version,
 * and elects in both modes.
 */
export async function bundleElects(
  parent: string,
  { folder: app, clientNode }: Consumer,
  name: string,
  nodes: readonly string[],
): Promise<void> {
  const bundle = bundlers[name];
  if (!bundle) throw new Error(`no bundler is called ${name}`);
  const label = name.replaceAll(/\W+/g, '-');
  const elsewhere = join(parent, `bundle-${label}-${clientNode}`);
  const folder = join(elsewhere, 'dist');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(elsewhere, 'package.json'), '{ "private": true, "version": "98.7.6" }');
  const file = await bundle(app, folder);
  for (const node of nodes) await electsByItself(folder, node, [file]);
}
