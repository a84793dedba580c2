import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { version } from '../../lib/version.ts';
import type { Consumer } from './install.ts';
import { run } from './process.ts';
import { tool } from './tools.ts';

/** A second copy of client-node would cost every app 30 MB and make two kinds of `KubeConfig`. */
export function sharesClientNode({ folder }: Consumer): void {
  const copies = globSync('**/@kubernetes/client-node/package.json', { cwd: folder });
  assert.deepEqual(copies, ['node_modules/@kubernetes/client-node/package.json']);
}

/** How apps are compiled; with `node10`, what `exports` says is not known. */
const compilers = {
  nodenext: { module: ts.ModuleKind.NodeNext },
  bundler: {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  },
  node10: {
    module: ts.ModuleKind.CommonJS,
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- apps have it all the same
    moduleResolution: ts.ModuleResolutionKind.Node10,
    ignoreDeprecations: '6.0',
  },
} satisfies Record<string, ts.CompilerOptions>;

/**
 * The app compiles, and so do our declarations: strictly, where apps mostly skip libraries. In an app
 * that imports the library only, every declaration does, those of dependencies too.
 */
export function typesCompile({ folder }: Consumer): void {
  const programs = ['candidate.ts', 'cluster.ts', 'outside.ts', 'self-contained.ts'];
  const modules = ['embedded.ts', 'tested.ts'];
  compiles(folder, [...programs, ...modules], compilers.nodenext);
  for (const compiler of Object.values(compilers)) {
    compiles(folder, modules, compiler);
    compiles(folder, ['embedded.ts'], compiler, { withDependencies: true });
  }
}

/** A program that imports the library compiles with an older compiler, our declarations included. */
export async function typesCompileWith({ folder }: Consumer, typescript: string): Promise<void> {
  const tsc = await tool('typescript', typescript, 'lib/tsc.js');
  const options = ['--module', 'nodenext', '--target', 'es2022'];
  const args = [tsc, ...options, '--strict', '--noEmit', '--skipLibCheck', 'embedded.ts'];
  await run(process.execPath, args, { cwd: folder, timeoutMs: 120_000 });
}

function compiles(
  folder: string,
  names: readonly string[],
  compiler: ts.CompilerOptions,
  { withDependencies = false } = {},
): void {
  const files = names.map((name) => join(folder, name));
  const program = ts.createProgram(files, {
    ...compiler,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(folder, 'node_modules/@types')],
  });
  const ours = join(folder, 'node_modules/leader-for-life/');
  const isOurs = ({ fileName }: ts.SourceFile) =>
    files.includes(fileName) || fileName.startsWith(ours);
  const all = program.getSourceFiles();
  const checked = withDependencies ? all : all.filter(isOurs);
  assert.ok(all.filter(isOurs).length > files.length, 'the declarations were not found');
  const problems = [
    ...program.getOptionsDiagnostics(),
    ...checked.flatMap((file) => program.getSyntacticDiagnostics(file)),
    ...checked.flatMap((file) => program.getSemanticDiagnostics(file)),
  ];
  const text = ts.formatDiagnostics(problems, {
    getCanonicalFileName: (path) => path,
    getCurrentDirectory: () => folder,
    getNewLine: () => '\n',
  });
  assert.equal(text, '');
}

/** Outside a cluster the built package leads without having loaded client-node. */
export async function loadsNoClient({ folder }: Consumer, node: string): Promise<void> {
  const recorder = join(import.meta.dirname, '../public/import.recorder.ts');
  const args = ['--import', recorder, 'outside.ts'];
  const urls = JSON.parse(await run(node, args, { cwd: folder, timeoutMs: 20_000 })) as string[];
  assert.ok(urls.some((url) => url.includes('/node_modules/leader-for-life/dist/')));
  assert.deepEqual(
    urls.filter((url) => url.includes('/node_modules/@kubernetes/')),
    [],
  );
}

/** CommonJS can `require` both entry points. */
export async function isRequired({ folder }: Consumer, node: string): Promise<void> {
  await run(node, ['required.cjs'], { cwd: folder, timeoutMs: 20_000 });
}

/** One program elects in both modes, in a cluster of its own; with an identity, over TLS and HTTP/2. */
export async function electsByItself(
  folder: string,
  command: string,
  args: readonly string[],
  tls?: { readonly cert: string; readonly key: string },
): Promise<void> {
  const env = tls && { TLS_IDENTITY: JSON.stringify(tls) };
  const output = await run(command, args, { cwd: folder, timeoutMs: 60_000, env });
  assert.deepEqual(output.trim().split('\n'), [
    'my-app-0 leads',
    'my-app-1 leads',
    'the lock is gone',
    'led by a lease: true, true',
    'the elector doubted 0 times',
    'the Lease is held by ""',
    `leader-for-life/${version}`,
  ]);
}

/** Two processes compete over HTTP, one hands over to the other, and everything ends by itself. */
export async function electsAndHandsOver({ folder }: Consumer, node: string): Promise<void> {
  const output = await run(node, ['cluster.ts'], { cwd: folder, timeoutMs: 60_000 });
  assert.deepEqual(output.trim().split('\n'), [
    'my-app-0 leads',
    'my-app-0 ended by itself',
    'my-app-1 waits for my-app-0',
    'my-app-1 leads',
    'my-app-1 released',
    'my-app-1 ended by itself',
    'the lock is gone',
  ]);
}
