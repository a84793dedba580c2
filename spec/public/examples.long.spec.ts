import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { allExamples } from './examples.ts';

const hooks = join(import.meta.dirname, 'examples.hooks.ts');
const folder = mkdtempSync(join(tmpdir(), 'leader-for-life-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(allExamples().filter(({ runs }) => runs))(
  '$place runs outside a cluster',
  async ({ place, code, prints }) => {
    const path = join(folder, `${place.replaceAll(/\W/g, '-')}.mts`);
    writeFileSync(path, code);
    const env = Object.entries(process.env).filter(([name]) => !/^(?:KUBE|POD_|DEBUG)/.test(name));
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', hooks, path], {
      env: { ...Object.fromEntries(env), HOME: folder },
      timeout: 110_000,
    });
    if (prints !== undefined) expect(stdout.trimEnd()).toBe(prints);
  },
);
