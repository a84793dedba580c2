import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { findProgram, run } from './program.ts';
import { file, tar } from './tar.ts';
import type { Entry } from './tar.ts';

/** ImageFile is a file, or a whole folder, to be put into an image. */
export interface ImageFile {
  /** The path on this machine. */
  readonly from: string;
  /** The absolute path in the image. */
  readonly to: string;
}

/** Image says what an image of one layer consists of. */
export interface Image {
  /** With host and tag, as Pods name it: `localhost/my-operator:1`. */
  readonly name: string;
  readonly files: readonly ImageFile[];
  readonly env?: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  /** Arguments that a Pod may replace. @default none */
  readonly cmd?: readonly string[];
  /** @default root */
  readonly user?: string;
  /** @default '/' */
  readonly workingDirectory?: string;
}

const NODE = '/usr/local/bin/node';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';

/**
 * nodeImage is an image with this very Node and, at `/app`, the files of `folder`, of which it
 * runs `main`. Without a folder it has Node only: for Pods that mount their files.
 */
export async function nodeImage(
  name: string,
  app?: { folder: string; main: string; env?: Readonly<Record<string, string>> },
): Promise<Image> {
  const node = await program(process.execPath, NODE);
  if (!app) return { name, files: node.files, env: node.env, entrypoint: [NODE] };
  return {
    name,
    files: [...node.files, { from: app.folder, to: '/app' }],
    env: { ...node.env, ...app.env },
    entrypoint: [NODE, posix.join('/app', app.main)],
    workingDirectory: '/app',
  };
}

/** pauseImage is the image of the process that holds a Pod's namespaces. */
export async function pauseImage(name: string): Promise<Image> {
  const from = findProgram('sleep', []);
  if (!from) throw new Error('the program `sleep` is missing');
  const sleep = await program(from, '/sleep');
  return { name, files: sleep.files, env: sleep.env, entrypoint: ['/sleep', 'infinity'] };
}

/** writeImage writes an image as an OCI layout in a tar file, as `ctr images import` reads it. */
export async function writeImage(image: Image, path: string): Promise<void> {
  const layer = entriesOf(image.files);
  const { digest, size } = await measure(tar(layer));
  const config = JSON.stringify({
    architecture: architecture(),
    os: 'linux',
    config: {
      Env: Object.entries(image.env ?? {}).map(([name, value]) => `${name}=${value}`),
      Entrypoint: image.entrypoint,
      Cmd: image.cmd,
      User: image.user,
      WorkingDir: image.workingDirectory ?? '/',
    },
    rootfs: { type: 'layers', diff_ids: [digest] },
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptor(CONFIG_TYPE, config),
    layers: [{ mediaType: LAYER_TYPE, digest, size }],
  });
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [
      {
        ...descriptor(MANIFEST_TYPE, manifest),
        platform: { architecture: architecture(), os: 'linux' },
        annotations: { 'io.containerd.image.name': image.name },
      },
    ],
  });
  const layout = tar([
    file('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })),
    file('index.json', index),
    file(blob(sha256(manifest)), manifest),
    file(blob(sha256(config)), config),
    { path: blob(digest), mode: 0o644, size, content: () => tar(layer) },
  ]);
  await pipeline(Readable.from(layout), createWriteStream(path));
}

/** program is a program with the shared libraries that it needs, where its loader looks for them. */
export async function program(
  from: string,
  to: string,
): Promise<{ files: ImageFile[]; env: Record<string, string> }> {
  // `ldd` fails for a program that needs none.
  const output = await run('ldd', [from]).catch(() => '');
  const paths = [...output.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map((match) => match[1] ?? '');
  const folders = [...new Set(paths.map((path) => dirname(path)))];
  return {
    files: [{ from, to }, ...paths.map((path) => ({ from: path, to: path }))],
    env: folders.length > 0 ? { LD_LIBRARY_PATH: folders.join(':') } : {},
  };
}

function entriesOf(files: readonly ImageFile[]): Entry[] {
  const entries = new Map<string, Entry>();
  const add = (entry: Entry): void => {
    for (let path = dirname(entry.path); path !== '.'; path = dirname(path)) {
      if (!entries.has(path)) entries.set(path, { path, mode: 0o755, size: 0, isFolder: true });
    }
    entries.set(entry.path, entry);
  };
  add({ path: 'tmp', mode: 0o1777, size: 0, isFolder: true });
  // The files asked for may themselves be links, as libraries are: what they mean is wanted.
  for (const { from, to } of files) walk(realpathSync(from), relative('/', to), add);
  return [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function walk(from: string, path: string, add: (entry: Entry) => void): void {
  const stats = lstatSync(from);
  if (stats.isSymbolicLink()) {
    add({ path, mode: 0o777, size: 0, target: readlinkSync(from) });
  } else if (stats.isDirectory()) {
    add({ path, mode: 0o755, size: 0, isFolder: true });
    for (const name of readdirSync(from)) walk(join(from, name), posix.join(path, name), add);
  } else if (stats.isFile()) {
    const mode = stats.mode & 0o111 ? 0o755 : 0o644;
    add({ path, mode, size: stats.size, content: () => createReadStream(from) });
  }
}

async function measure(bytes: AsyncIterable<Buffer>): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

function descriptor(
  mediaType: string,
  content: string,
): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: sha256(content), size: Buffer.byteLength(content) };
}

function sha256(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function blob(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function architecture(): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
  return names[process.arch] ?? process.arch;
}
