import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasImage, importImage } from '../cluster/containerd.ts';
import { type Image, program } from '../cluster/image.ts';
import { SYSTEM_FOLDERS, findProgram, run } from '../cluster/program.ts';
import type { Cluster } from '../cluster/state.ts';

const root = join(import.meta.dirname, '..', '..');
const APPS = join(root, 'spec', 'scenarios', 'app');
const DOCKERFILE = readFileSync(join(root, 'docs', 'deploy', 'Dockerfile'), 'utf8');
const PYTHON = '/usr/bin/python3';
/** Half of Python's library, which no worker needs. */
const UNUSED = /\/(test|idlelib|lib2to3|ensurepip|distutils|config-[^/]*|__pycache__)$/;
/** What the bases of the Dockerfile have besides Node, at their paths. */
const PROGRAMS = {
  '/sbin/tini': 'tini',
  '/usr/bin/setpriv': 'setpriv',
  '/usr/bin/env': 'env',
  '/bin/sh': 'sh',
  '/bin/sleep': 'sleep',
};

let made: Promise<string> | undefined;

/**
 * The image of `docs/deploy/Dockerfile`, made of the package as it is now and of this machine's programs,
 * with Python and the workers of the scenarios in it. It is put on the node; resolves with its name.
 */
export function cliImage(cluster: Cluster): Promise<string> {
  made ??= make(cluster);
  return made;
}

async function make(cluster: Cluster): Promise<string> {
  const version = digest();
  const name = `localhost/leader-for-life:${version}`;
  if (await hasImage(cluster, name)) return name;
  const folder = join(cluster.folder, `cli-${version}`);
  if (!existsSync(folder)) await stage(folder);
  await importImage(cluster, await describe(name, folder));
  return name;
}

function digest(): string {
  const hash = createHash('sha256');
  const sources = ['lib/**/*.ts', 'spec/scenarios/app/*', '.config/build.js', 'package*.json'];
  const own = ['docs/deploy/Dockerfile', 'spec/scenarios/cli-image.ts'];
  for (const path of globSync([...sources, ...own], { cwd: root }).sort()) {
    hash.update(path).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** What a line of the Dockerfile says. */
function stated(line: RegExp): string {
  const [, found] = line.exec(DOCKERFILE) ?? [];
  if (found === undefined) throw new Error(`docs/deploy/Dockerfile has no ${line.source}`);
  return found;
}

async function describe(name: string, folder: string): Promise<Image> {
  const all = { '/usr/local/bin/node': process.execPath, [PYTHON]: PYTHON, ...PROGRAMS };
  const programs = await Promise.all(
    Object.entries(all).map(([to, from]) => program(located(from), to)),
  );
  const libraries = programs.flatMap(({ env }) => Object.values(env).flatMap((v) => v.split(':')));
  return {
    name,
    files: [{ from: folder, to: '/' }, ...programs.flatMap(({ files }) => files)],
    env: { LD_LIBRARY_PATH: [...new Set(libraries)].join(':') },
    entrypoint: JSON.parse(stated(/^ENTRYPOINT (.*)$/m)) as string[],
    user: stated(/^USER (.*)$/m),
    workingDirectory: '/app',
  };
}

function located(name: string): string {
  const path = findProgram(name.replace(/^\//, ''), ['/', ...SYSTEM_FOLDERS]);
  if (path === undefined)
    throw new Error(`${name} is missing: install it (apt-get install ${name})`);
  return path;
}

/** The files that are not programs. */
async function stage(folder: string): Promise<void> {
  const unfinished = `${folder}.${process.pid}`;
  await rm(unfinished, { recursive: true, force: true });
  const home = stated(/^COPY --from=package \S+\/leader-for-life (\S+)$/m);
  await install(join(unfinished, home));
  const [target = '', link = ''] = stated(/^RUN ln -s (.*)$/m).split(' ');
  await linked(target, join(unfinished, link));
  await linked(PYTHON, join(unfinished, 'usr/local/bin/python'));
  await linked(home, join(unfinished, 'app/node_modules/leader-for-life'));
  const library = (
    await run(PYTHON, ['-c', 'import sysconfig as s; print(s.get_path("stdlib"))'])
  ).trim();
  const filter = (path: string) => !UNUSED.test(path);
  await cp(library, join(unfinished, library), { recursive: true, filter });
  await cp(APPS, join(unfinished, 'app'), { recursive: true });
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
}

/** As `npm install` of the packed package, with the dependencies that the Dockerfile keeps. */
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
  for (const name of stated(/grep -vxE '([^']+)'/).split('|')) {
    const path = join('node_modules', name);
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
  await rm(packed, { recursive: true });
}

async function linked(target: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path);
}
