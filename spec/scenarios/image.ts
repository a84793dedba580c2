import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { hasImage, importImage } from '../cluster/containerd.ts';
import { nodeImage } from '../cluster/image.ts';
import { run } from '../cluster/program.ts';
import type { Cluster } from '../cluster/state.ts';

const PROGRAMS = [
  'spec/lab/candidate.ts',
  'spec/lab/say.ts',
  'spec/scenarios/app/bare.ts',
  'spec/scenarios/app/bare-client.ts',
];
/** What is elsewhere in the image: our programs use the package as its users install it. */
const SIGNPOSTS = {
  'lib/index.js': "export * from 'leader-for-life';",
  'bare.js': "import './spec/scenarios/app/bare.js';",
};
const SOURCES = [
  'lib/**/*.ts',
  ...PROGRAMS,
  '.config/build.js',
  'spec/scenarios/image.ts',
  'package*.json',
];
const root = join(import.meta.dirname, '..', '..');

let made: Promise<string> | undefined;

/**
 * Builds the package as it is now, puts it into an image with Node and the candidate, and the image on
 * the node. Resolves with its name.
 */
export function candidateImage(cluster: Cluster): Promise<string> {
  made ??= make(cluster);
  return made;
}

async function make(cluster: Cluster): Promise<string> {
  const version = digestOf(SOURCES);
  const name = `localhost/candidate:${version}`;
  const folder = await staged(join(cluster.folder, `candidate-${version}`), stage);
  if (!(await hasImage(cluster, name))) {
    await importImage(cluster, await nodeImage(name, { folder, main: 'spec/lab/candidate.js' }));
  }
  return name;
}

/** Names what an image is made of: the files of the project that match. */
export function digestOf(patterns: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of globSync(patterns, { cwd: root }).sort()) {
    hash.update(path).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** The folder, filled by `fill` unless that was done before; it is never there half. */
export async function staged(
  folder: string,
  fill: (unfinished: string) => Promise<void>,
): Promise<string> {
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  await rm(unfinished, { recursive: true, force: true });
  await fill(unfinished);
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
  return folder;
}

/** Not into `dist`: others may be building or using that. */
async function stage(unfinished: string): Promise<void> {
  const packaged = join(unfinished, 'node_modules', 'leader-for-life');
  await mkdir(packaged, { recursive: true });
  await run(process.execPath, [join(root, '.config', 'build.js'), join(packaged, 'dist')]);
  await cp(join(root, 'package.json'), join(packaged, 'package.json'));
  for (const dependency of await dependencies()) {
    await cp(join(root, dependency), join(unfinished, dependency), { recursive: true, filter });
  }
  const texts = {
    ...SIGNPOSTS,
    ...Object.fromEntries(await Promise.all(PROGRAMS.map(compiled))),
    'package.json': JSON.stringify({ type: 'module' }),
  };
  for (const [path, text] of Object.entries(texts)) {
    await mkdir(dirname(join(unfinished, path)), { recursive: true });
    await writeFile(join(unfinished, path), text);
  }
}

/** As users ship a program: Node.js would strip its types at each start, for twice the CPU. */
async function compiled(path: string): Promise<[path: string, text: string]> {
  const { outputText } = ts.transpileModule(await readFile(join(root, path), 'utf8'), {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ESNext,
      rewriteRelativeImportExtensions: true,
    },
  });
  return [path.replace(/ts$/, 'js'), outputText];
}

/** Whatever an app has that has installed the package: paths below `node_modules`. */
async function dependencies(): Promise<string[]> {
  const args = ['ls', '--omit=dev', '--omit=optional', '--all', '--parseable'];
  const paths = (await run('npm', ['--prefix', root, ...args])).trim().split('\n');
  return paths.map((path) => relative(root, path)).filter((path) => path !== '');
}

/** Half of client-node are types, which nothing reads at run time. */
function filter(path: string): boolean {
  return !/\.(d\.[cm]?ts|map|md)$/.test(path);
}
