import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import vm from 'node:vm';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './browser.program.ts';
import { root } from './project.ts';

/** What browsers have, of what the bundle uses. */
const {
  AbortController,
  AbortSignal,
  MessageChannel,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
} = globalThis;
const { atob, btoa, clearTimeout, crypto, performance, queueMicrotask, setTimeout } = globalThis;
const web = {
  ...{
    AbortController,
    AbortSignal,
    MessageChannel,
    TextDecoder,
    TextEncoder,
    URL,
    URLSearchParams,
  },
  ...{ atob, btoa, clearTimeout, crypto, performance, queueMicrotask, setTimeout },
};

/** The package as it is published, and the program that uses it. */
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'leader-for-life-'));
  const build = [join(root, '.config/build.js'), join(folder, 'dist')];
  expect(spawnSync(process.execPath, build).status).toBe(0);
  await copyFile(join(root, 'package.json'), join(folder, 'package.json'));
  await copyFile(join(root, 'spec/public/browser.program.ts'), join(folder, 'program.ts'));
  await writeFile(join(folder, 'empty.ts'), 'export const run = () => undefined;');
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the package, bundled for browsers without a polyfill', () => {
  it('imports nothing of Node.js', async () => {
    const { code, messages } = await bundled('program.ts');
    expect(messages).toEqual([]);
    expect(code).toContain('ERR_LEADERSHIP_LOST');
    expect(code).not.toMatch(/(?:from|import|require)\s*\(?\s*["']node:/);
    expect(code).not.toMatch(/import\(\s*["']@kubernetes/);
  });

  it('runs there as in Node.js', async () => {
    const { code } = await bundled('program.ts');
    const context = vm.createContext({ ...web });
    const there = vm.runInContext(`${code}; program.run()`, context) as Promise<string[]>;
    const led = await there;
    expect(led).toEqual(await run());
    expect(led).toEqual([
      '0 s: a for life',
      '3600 s: b for life',
      '3600 s: c by a lease',
      expect.stringMatching(/^361[01] s: c has lost it$/),
      expect.stringMatching(/^361[4-6] s: d by a lease$/),
    ]);
  });
});

async function bundled(entry: string): Promise<{ code: string; messages: string[] }> {
  const messages: string[] = [];
  const bundle = await rolldown({
    cwd: folder,
    input: join(folder, entry),
    platform: 'browser',
    resolve: {
      alias: {
        'leader-for-life/testing': join(folder, 'dist/testing/index.js'),
        'leader-for-life': join(folder, 'dist/index.js'),
      },
    },
    onLog: (_level, { message }) => void messages.push(message),
  });
  const { output } = await bundle.generate({
    format: 'iife',
    name: 'program',
    codeSplitting: false,
  });
  await bundle.close();
  return { code: output.map((part) => ('code' in part ? part.code : '')).join('\n'), messages };
}
