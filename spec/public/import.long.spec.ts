import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { entryPoints, root } from './project.ts';

const execute = promisify(execFile);

/** What the library may load before it knows that there is a cluster to talk with. */
const LIGHT = /^(?:debug|ms|supports-color|has-flag|p-retry|is-network-error)$/;

const main = JSON.stringify(entryPoints['leader-for-life']);
const testing = JSON.stringify(entryPoints['leader-for-life/testing']);

describe('outside a cluster', () => {
  it('importing the package loads no client', async () => {
    expect(await packagesLoadedBy(`await import(${main})`)).toSatisfy(isLight);
  });

  it('becoming the leader loads no client and leaves nothing running', async () => {
    const program = `
      const { become } = await import(${main});
      const leadership = await become('my-operator-lock');
      if (!leadership.skipped) throw new Error('this was an election');
    `;
    expect(await packagesLoadedBy(program)).toSatisfy(isLight);
  });

  it('leading by a lease loads no client and leaves nothing running', async () => {
    const program = `
      const { LeaderElector, LeaseLock, lead } = await import(${main});
      const skipped = await lead('my-lease', (leadership) => leadership.skipped);
      if (!skipped) throw new Error('this was an election');
      const stop = new AbortController();
      const callbacks = { onStartedLeading: () => stop.abort(), onStoppedLeading: () => undefined };
      const lock = new LeaseLock({ name: 'my-lease' });
      await new LeaderElector({ lock, callbacks }).run(stop.signal);
      if (!stop.signal.aborted) throw new Error('it did not lead');
    `;
    expect(await packagesLoadedBy(program)).toSatisfy(isLight);
  });

  it('importing the testing tools loads no client', async () => {
    expect(await packagesLoadedBy(`await import(${testing})`)).toSatisfy(isLight);
  });

  it.each(['node-cron', 'opentelemetry', 'prometheus'] as const)(
    'importing leader-for-life/%s loads no client, and nothing that programs pass to it',
    async (subpath) => {
      const path = JSON.stringify(entryPoints[`leader-for-life/${subpath}`]);
      expect(await packagesLoadedBy(`await import(${path})`)).toSatisfy(isLight);
    },
  );

  it('notices a client, however it is loaded', async () => {
    const imported = await packagesLoadedBy("await import('@kubernetes/client-node')");
    expect(imported).toContain('@kubernetes/client-node');
    const required =
      "process.getBuiltinModule('module').createRequire(process.cwd() + '/')('debug')";
    expect(await packagesLoadedBy(required)).toContain('debug');
  });
});

function isLight(packages: readonly string[]): boolean {
  return packages.every((name) => LIGHT.test(name));
}

/** Runs a program in a process of its own, which has to end by itself. */
async function packagesLoadedBy(program: string): Promise<string[]> {
  const recorder = join(import.meta.dirname, 'import.recorder.ts');
  const args = ['--import', recorder, '--input-type=module', '--eval', program];
  const env = Object.entries(process.env).filter(([name]) => !/^(?:KUBE|POD_|NODE_)/.test(name));
  const { stdout } = await execute(process.execPath, args, {
    cwd: root,
    env: Object.fromEntries(env),
    timeout: 110_000,
  });
  const urls = JSON.parse(stdout) as string[];
  const names = urls.map((url) => /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}
