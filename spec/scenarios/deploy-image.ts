import { mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { importImage } from '../cluster/containerd.ts';
import { type Image, type ImageFile, program } from '../cluster/image.ts';
import { SYSTEM_FOLDERS, findProgram, run } from '../cluster/program.ts';
import type { Cluster } from '../cluster/state.ts';

const root = join(import.meta.dirname, '..', '..');

/** What is at these paths in Alpine: `env` starts a script. Libraries come with the programs. */
const OF_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'alpine:3.23.5': ['/usr/bin/env', '/bin/cp'],
  'libstdc++': [],
  setpriv: ['/usr/bin/setpriv'],
  tini: ['/sbin/tini'],
};

/** The image of the last stage of docs/deploy/Dockerfile, and what it takes besides Node.js. */
export interface DeployImage {
  readonly name: string;
  readonly bytesBesideNode: number;
}

/**
 * Follows the Dockerfile with this machine's programs, as there is no Docker, and puts the image on the
 * node. `without` leaves out a program. Throws for an instruction that it does not know.
 */
export async function deployImage(cluster: Cluster, without?: string): Promise<DeployImage> {
  const context = await mkdtemp(join(tmpdir(), 'leader-for-life-image-'));
  try {
    const image = await followDockerfile(context);
    const name = `localhost/leader-for-life:${without === undefined ? 'all' : `no-${without}`}`;
    const files = image.files.filter(({ to }) => basename(to) !== without);
    await importImage(cluster, { ...image, name, files });
    const others = files.filter(({ to }) => basename(to) !== 'node' && !/\.so\b/.test(to));
    const sizes = await Promise.all(others.map(async ({ from }) => (await stat(from)).size));
    return { name, bytesBesideNode: sizes.reduce((sum, size) => sum + size, 0) };
  } finally {
    await rm(context, { recursive: true });
  }
}

/** What the target makes, by default the last stage, with this folder as the build context. */
export async function followDockerfile(
  context: string,
  target?: string,
): Promise<Omit<Image, 'name'>> {
  await run(process.execPath, [join(root, '.config/executable.js'), context]);
  const image = new Builder(context);
  for (const line of await stage(target)) await image.follow(line);
  return image;
}

/** Its instructions, without comments, with the base that its own stage stands for. */
async function stage(target?: string): Promise<string[]> {
  const lines = (await readFile(join(root, 'docs/deploy/Dockerfile'), 'utf8')).split('\n');
  const instructions = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const isStart = (line: string) => line.startsWith('FROM ');
  const first = instructions.findLastIndex((line) =>
    target === undefined ? isStart(line) : line.endsWith(` AS ${target}`),
  );
  const [from = '', ...rest] = instructions.slice(first);
  const [, base = ''] = from.split(' ');
  const ofBase = instructions.find((line) => line.endsWith(` AS ${base}`));
  const end = rest.findIndex(isStart);
  return [ofBase ?? from, ...rest.slice(0, end === -1 ? undefined : end)];
}

class Builder {
  readonly files: ImageFile[] = [];
  readonly env: Record<string, string> = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  };
  entrypoint: string[] = [];
  cmd: string[] = [];
  user = '';
  readonly #context: string;

  constructor(context: string) {
    this.#context = context;
  }

  async follow(line: string): Promise<void> {
    const [instruction = '', ...words] = line.split(' ');
    const rest = words.join(' ');
    const [first = '', second = '', third = ''] = words;
    if (instruction === 'FROM') await this.#install(first.replace(/@.*/, ''));
    else if (instruction === 'ENTRYPOINT') this.entrypoint = JSON.parse(rest) as string[];
    else if (instruction === 'CMD') this.cmd = JSON.parse(rest) as string[];
    else if (instruction === 'USER') this.user = rest;
    else if (instruction === 'COPY' && first === '--from=node') await this.#program(second, third);
    else if (line === 'ARG TARGETARCH') return;
    else if (instruction === 'COPY') this.files.push({ from: this.#made(first), to: second });
    else if (rest.startsWith('apk add --no-cache ')) {
      for (const name of words.slice(3)) await this.#install(name);
    } else if (rest.startsWith('ln -s ')) await this.#link(words[2] ?? '', words[3] ?? '');
    else throw new Error(`docs/deploy/Dockerfile: what does this do? ${line}`);
  }

  async #install(name: string): Promise<void> {
    const paths = OF_PACKAGES[name];
    if (!paths) throw new Error(`docs/deploy/Dockerfile: what is in ${name}?`);
    for (const path of paths) await this.#program(path, path);
  }

  async #program(path: string, to: string): Promise<void> {
    const name = basename(path);
    const from = name === 'node' ? process.execPath : findProgram(name, SYSTEM_FOLDERS);
    if (!from) throw new Error(`the program ${name} is missing: install it (apt-get)`);
    const { files, env } = await program(from, to);
    this.files.push(...files);
    Object.assign(this.env, env);
  }

  async #link(target: string, to: string): Promise<void> {
    const path = join(this.#context, 'links', to);
    await mkdir(dirname(path), { recursive: true });
    await symlink(target, path);
    this.files.push({ from: dirname(path), to: dirname(to) });
  }

  #made(name: string): string {
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    return join(this.#context, name.replace('${TARGETARCH}', arch));
  }
}
