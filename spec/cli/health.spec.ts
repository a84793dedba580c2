import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { healthOf } from '../../lib/cli/health.ts';

const { signal } = new AbortController();

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'health-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A server that answers with the status in the path. */
async function server(): Promise<string> {
  const http = createServer((request, response) => {
    const status = Number(request.url?.slice(1));
    response.writeHead(status, { location: '/200' });
    response.end('a body');
  });
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void http.close());
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

test('without a check there is none', () => {
  expect(healthOf({})).toBeUndefined();
});

test.each([
  [200, true],
  [204, true],
  [302, true],
  [404, false],
  [500, false],
])('a URL that answers %i is healthy: %s', async (status, expected) => {
  const url = `${await server()}/${status}`;
  expect(await healthOf({ 'health-url': url })?.(signal)).toBe(expected);
});

test('a URL that nobody answers is a failed check', async () => {
  await expect(healthOf({ 'health-url': 'http://127.0.0.1:1/' })?.(signal)).rejects.toThrow();
});

test.each([
  ['true', true],
  ['exit 3', false],
  ['/no/such/program', false],
  ['kill -9 $$', false],
])('the command %s is healthy: %s', async (exec, expected) => {
  expect(await healthOf({ 'health-exec': exec })?.(signal)).toBe(expected);
});

test('a command that hangs is killed with what it has started', async () => {
  const path = join(folder(), 'late');
  const stop = new AbortController();
  const checked = healthOf({ 'health-exec': `(sleep 1; touch ${path}) & wait` })?.(stop.signal);
  stop.abort();
  expect(await checked).toBe(false);
});

test('a file is healthy while it exists', async () => {
  const file = join(folder(), 'healthy');
  const check = healthOf({ 'health-file': file });
  expect(await check?.(signal)).toBe(false);
  writeFileSync(file, '');
  expect(await check?.(signal)).toBe(true);
});

test('of several checks, all have to pass', async () => {
  const file = folder();
  expect(await healthOf({ 'health-file': file, 'health-exec': 'true' })?.(signal)).toBe(true);
  expect(await healthOf({ 'health-file': file, 'health-exec': 'false' })?.(signal)).toBe(false);
});

test.each(['ftp://x/', 'localhost:80', 'nothing'])('the URL %s is bad usage', (url) => {
  expect(() => healthOf({ 'health-url': url })).toThrow(
    '--health-url must be a URL of http or https',
  );
});
