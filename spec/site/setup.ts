import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { spawnSync } from 'node:child_process';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { TestProject } from 'vitest/node';
import { root } from '../public/project.ts';

const folder = join(root, 'site/.vitepress/dist');

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};

/** Builds the site, and serves it as a host of static pages does. */
export default async function setup(project: TestProject): Promise<() => void> {
  const args = [join(root, 'site/site.ts'), 'build'];
  const place = { GITHUB_SERVER_URL: 'https://example.com', GITHUB_REPOSITORY: 'owner/name' };
  const env = { ...process.env, ...place };
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) throw new Error('the site cannot be built');
  const server = createServer((request, response) => {
    const file = fileOf(new URL(request.url ?? '/', 'http://site').pathname);
    const body = gzipSync(file === undefined ? '' : readFileSync(file));
    response.writeHead(file === undefined ? 404 : 200, {
      'content-type': TYPES[extname(file ?? '')] ?? 'application/octet-stream',
      'content-encoding': 'gzip',
      'content-length': body.length,
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  project.provide('site', `http://127.0.0.1:${port}`);
  return () => {
    server.closeAllConnections();
    server.close();
  };
}

/** `/guides/` is `guides/index.html`, and `/guides` is `guides.html`. */
function fileOf(path: string): string | undefined {
  const candidates = [path, `${path}.html`, join(path, 'index.html')];
  const files = candidates.map((candidate) => join(folder, decodeURIComponent(candidate)));
  return files.find((file) => existsSync(file) && statSync(file).isFile());
}

declare module 'vitest' {
  interface ProvidedContext {
    site: string;
  }
}
