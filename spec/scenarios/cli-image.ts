import { readFileSync } from 'node:fs';
import { cp, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasImage, importImage } from '../cluster/containerd.ts';
import { type Image, program } from '../cluster/image.ts';
import { SYSTEM_FOLDERS, findProgram, run } from '../cluster/program.ts';
import type { Cluster } from '../cluster/state.ts';
import { followDockerfile } from './deploy-image.ts';
import { digestOf, staged } from './image.ts';

const root = join(import.meta.dirname, '..', '..');
const SOURCES = [
  ...['lib/**/*.ts', 'spec/scenarios/app/*', '.config/build.js', '.config/executable.js'],
  ...['package*.json', 'docs/deploy/Dockerfile', 'spec/scenarios/*-image.ts'],
];
const APPS = join(root, 'spec', 'scenarios', 'app');
/** The build context of the Dockerfile. */
const CONTEXT = 'release';
const PYTHON = '/usr/bin/python3';
/** Half of Python's library, which no worker needs. */
const UNUSED = /\/(test|idlelib|lib2to3|ensurepip|distutils|config-[^/]*|__pycache__)$/;
/** What the base of the Dockerfile has in busybox. */
const PROGRAMS = { [PYTHON]: PYTHON, '/bin/sh': 'sh', '/bin/sleep': 'sleep' };
/** Without client-node, which only kubeconfigs need. */
const DEPENDENCIES = ['debug', 'ms', 'p-retry', 'is-network-error'];

const made = new Map<string, Promise<string>>();

/**
 * The image of `docs/deploy/Dockerfile`, made of the package as it is now and of this machine's programs,
 * with Python and the workers of the scenarios in it. It is put on the node; resolves with its name.
 */
export function cliImage(cluster: Cluster): Promise<string> {
  return make(cluster, 'workers', async (folder) => {
    const image = await followDockerfile(join(folder, CONTEXT));
    return withPython(image, folder);
  });
}

/** The same, of the target `executable`: it copies the executable, and has nothing else. */
export function executableImage(cluster: Cluster): Promise<string> {
  return make(cluster, 'executable', (folder) =>
    followDockerfile(join(folder, CONTEXT), 'executable'),
  );
}

/** The workers and Python, without Node.js; with the libraries of glibc and C++, as Debian's images. */
export function pythonImage(cluster: Cluster): Promise<string> {
  return make(cluster, 'python', async (folder) => {
    const { files } = await program(process.execPath, '/node');
    const libraries = files.filter(({ to }) => to !== '/node');
    return withPython({ files: libraries, entrypoint: ['python'] }, folder);
  });
}

function make(
  cluster: Cluster,
  repository: string,
  describe: (folder: string) => Promise<Omit<Image, 'name'>>,
): Promise<string> {
  const version = digestOf(SOURCES);
  const name = `localhost/${repository}:${version}`;
  const build = async () => {
    if (await hasImage(cluster, name)) return name;
    const folder = await staged(join(cluster.folder, `cli-${version}`), stage);
    await importImage(cluster, { ...(await describe(folder)), name });
    return name;
  };
  const running = made.get(name) ?? build();
  made.set(name, running);
  return running;
}

async function withPython(
  image: Omit<Image, 'name'>,
  folder: string,
): Promise<Omit<Image, 'name'>> {
  const programs = await Promise.all(
    Object.entries(PROGRAMS).map(([to, from]) => program(located(from), to)),
  );
  const files = programs.flatMap((each) => each.files);
  return {
    ...image,
    files: [...image.files, { from: join(folder, 'root'), to: '/' }, ...files],
    env: { ...image.env, ...programs[0]?.env },
    workingDirectory: '/app',
  };
}

function located(name: string): string {
  const path = findProgram(name.replace(/^\//, ''), ['/', ...SYSTEM_FOLDERS]);
  if (path === undefined)
    throw new Error(`${name} is missing: install it (apt-get install ${name})`);
  return path;
}

/** The files that are no programs of this machine. */
async function stage(unfinished: string): Promise<void> {
  const tree = join(unfinished, 'root');
  await mkdir(join(unfinished, CONTEXT), { recursive: true });
  await install(join(tree, 'app/node_modules/leader-for-life'));
  await linked(PYTHON, join(tree, 'usr/local/bin/python'));
  const library = (
    await run(PYTHON, ['-c', 'import sysconfig as s; print(s.get_path("stdlib"))'])
  ).trim();
  const filter = (path: string) => !UNUSED.test(path);
  await cp(library, join(tree, library), { recursive: true, filter });
  await cp(APPS, join(tree, 'app'), { recursive: true });
}

/** As `npm install` of the packed package, with the dependencies that a Pod needs. */
async function install(folder: string): Promise<void> {
  const packed = join(folder, '..', 'packed');
  await mkdir(packed, { recursive: true });
  // Not into `dist`: others may be building or using that.
  await run(process.execPath, [join(root, '.config', 'build.js'), join(packed, 'dist')]);
  const { scripts: _, ...manifest } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<string, unknown>;
  await writeFile(join(packed, 'package.json'), JSON.stringify(manifest));
  await run('npm', ['pack', '--silent', '--pack-destination', packed, packed]);
  const [archive = ''] = (await readdir(packed)).filter((name) => name.endsWith('.tgz'));
  await mkdir(folder, { recursive: true });
  await run('tar', ['-xzf', join(packed, archive), '--strip-components=1', '-C', folder]);
  for (const name of DEPENDENCIES) {
    const path = join('node_modules', name);
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
  await rm(packed, { recursive: true });
}

async function linked(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path);
}
