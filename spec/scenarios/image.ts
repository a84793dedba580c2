import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { hasImage, importImage } from '../cluster/containerd.ts';
import { nodeImage } from '../cluster/image.ts';
import { run } from '../cluster/program.ts';
import type { Cluster } from '../cluster/state.ts';

const root = join(import.meta.dirname, '..', '..');
const app = join(import.meta.dirname, 'app');

/** The candidate's image, and the folder that it was made of. */
export interface CandidateImage {
  readonly name: string;
  readonly folder: string;
}

let made: Promise<CandidateImage> | undefined;

/** Builds the package as it is now, puts it into an image with Node, and the image on the node. */
export function candidateImage(cluster: Cluster): Promise<CandidateImage> {
  made ??= make(cluster);
  return made;
}

async function make(cluster: Cluster): Promise<CandidateImage> {
  const version = digest();
  const name = `localhost/candidate:${version}`;
  const folder = join(cluster.folder, `candidate-${version}`);
  if (!existsSync(folder)) await stage(folder);
  if (!(await hasImage(cluster, name))) {
    await importImage(cluster, await nodeImage(name, { folder, main: 'main.ts' }));
  }
  return { name, folder };
}

function digest(): string {
  const hash = createHash('sha256');
  const sources = ['lib/**/*.ts', 'spec/scenarios/app/*', 'package*.json'];
  for (const path of globSync(sources, { cwd: root }).sort()) {
    hash.update(path).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** Not into `dist`: others may be building or using that. */
async function stage(folder: string): Promise<void> {
  const unfinished = `${folder}.${process.pid}`;
  const packaged = join(unfinished, 'node_modules', 'leader-for-life');
  await mkdir(packaged, { recursive: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(root, '.config', 'tsconfig.build.json');
  await run(process.execPath, [tsc, '-p', project, '--outDir', join(packaged, 'dist')]);
  await cp(join(root, 'package.json'), join(packaged, 'package.json'));
  for (const dependency of await dependencies()) {
    await cp(join(root, dependency), join(unfinished, dependency), { recursive: true, filter });
  }
  await cp(app, unfinished, { recursive: true });
  await writeFile(join(unfinished, 'package.json'), JSON.stringify({ type: 'module' }));
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
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
