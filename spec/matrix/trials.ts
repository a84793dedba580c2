import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type { Consumer } from './install.ts';
import { run } from './process.ts';

/** A second copy of client-node would cost every app 30 MB and make two kinds of `KubeConfig`. */
export function sharesClientNode({ folder }: Consumer): void {
  const copies = globSync('**/@kubernetes/client-node/package.json', { cwd: folder });
  assert.deepEqual(copies, ['node_modules/@kubernetes/client-node/package.json']);
}

/** The app compiles, and so do our declarations: strictly, where apps mostly skip libraries. */
export function typesCompile({ folder }: Consumer): void {
  const files = globSync('*.ts', { cwd: folder }).map((path) => join(folder, path));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(folder, 'node_modules/@types')],
  });
  const ours = join(folder, 'node_modules/leader-for-life/');
  const checked = program
    .getSourceFiles()
    .filter(({ fileName }) => files.includes(fileName) || fileName.startsWith(ours));
  assert.ok(checked.length > files.length, 'the declarations of the package were not found');
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
