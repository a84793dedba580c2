import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type RequestListener, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';

import { describe, expect, onTestFinished, test } from 'vitest';

import { root } from './project.ts';

const ADVISORIES = '/-/npm/v1/security/advisories/bulk';

/** Runs the check against a registry that answers so. */
async function audit(listener: RequestListener, ...args: string[]) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const env = { ...process.env, npm_config_registry: registry, npm_config_fetch_retries: '0' };
  return new Promise<{ code: number; output: string; registry: string }>((resolve) => {
    const options = { cwd: root, env };
    const child = execFile(
      process.execPath,
      ['.config/audit.js', ...args],
      options,
      (_, out, err) => {
        resolve({ code: child.exitCode ?? -1, output: out + err, registry });
      },
    );
  });
}

describe('the check for known vulnerabilities', () => {
  test('passes when the registry knows of none, and has asked for each package at runtime', async () => {
    const asked: Record<string, string[]> = {};
    const { code, output } = await audit((request, response) => {
      void (async () => {
        const zipped = request.headers['content-encoding'] === 'gzip';
        const body = await text(zipped ? request.pipe(createGunzip()) : request);
        if (request.url === ADVISORIES) Object.assign(asked, JSON.parse(body));
        response.setHeader('content-type', 'application/json').end('{}');
      })();
    });
    expect([code, output]).toEqual([0, expect.stringMatching(/\d+ packages, no known vuln/)]);
    expect(Object.keys(asked)).toEqual(
      expect.arrayContaining(['@kubernetes/client-node', 'debug', 'p-retry', 'undici']),
    );
    expect(Object.keys(asked)).not.toContain('vitest');
  });

  test('fails when it knows of one, and names it', async () => {
    const advisory = {
      id: 1,
      url: 'https://example.com/advisory',
      title: 'Lets anybody in',
      severity: 'high',
      vulnerable_versions: '<99',
      cwe: [],
      cvss: { score: 8, vectorString: null },
    };
    const { code, output } = await audit((request, response) => {
      request.resume();
      const name = decodeURIComponent(request.url?.slice(1) ?? '');
      const released = { name, 'dist-tags': {}, versions: {} };
      const answer = request.url === ADVISORIES ? { debug: [advisory] } : released;
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    });
    expect(output).toMatch(/^npm audit: debug .*: high: Lets anybody in$/m);
    expect(code).toBe(1);
  });

  test.each([
    [[], 0],
    [['--required'], 1],
  ])('says that nothing was checked where the registry offers none: %j', async (args, expected) => {
    const { code, output, registry } = await audit(
      (request, response) => {
        request.resume();
        response.writeHead(405).end();
      },
      ...args,
    );
    expect(output).toContain('npm audit: NOT CHECKED: 405');
    expect(output).not.toContain(registry);
    expect(code).toBe(expected);
  });
});
