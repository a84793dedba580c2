import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type TestContext, describe, expect, inject, onTestFinished, test } from 'vitest';

import { folderOf } from '../cluster/state.ts';
import { root } from '../public/entry-points.ts';

const TIMEOUT_MS = 900_000;

/** Whoever waits for it in vain has it take its cluster down, too. */
function bench(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const script = join(root, 'spec/bench/bench.ts');
  const child = spawn(process.execPath, [script, '--cluster', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  return child;
}

function skipWithoutNode({ skip }: TestContext): void {
  const { noNode } = inject('cluster');
  if (noNode !== undefined) skip(`there is no node of the project's own: ${noNode}`);
}

describe('npm run bench -- --cluster', () => {
  test('measures ours, operator-lib and the floor', { timeout: TIMEOUT_MS }, async (context) => {
    skipWithoutNode(context);
    const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-bench-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const files = ['--json', join(folder, 'bench.json'), '--svg', join(folder, 'bench.svg')];
    const few = ['--handovers', '1', '--candidates', '3'];
    const child = bench('handover', 'herd', ...few, ...files);
    const [stdout, , [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number]>,
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^leader-for-life .+ operator-lib 0\..+ Kubernetes 1\./);
    expect(stdout).toMatch(/^operator-lib +1 +[\d.]+ ms /m);
    expect(stdout).toMatch(/^3, bare client +deleted +1 /m);
    expect(stdout).toMatch(/^Pods: median outage +at most 250 ms +[\d.]+ ms +(?:met|missed)$/m);
    const programs = ['leader-for-life', 'operator-lib', 'leader-for-life, release()'];
    expect(JSON.parse(await readFile(join(folder, 'bench.json'), 'utf8'))).toMatchObject({
      handover: [...programs, 'bare client'].map((program) => ({
        program,
        handoverMs: [expect.any(Number)],
        outageMs: [expect.any(Number)],
      })),
      herd: [{ contender: 'become' }, { contender: 'bare client' }],
    });
    expect(await readFile(join(folder, 'bench.svg'), 'utf8')).toContain('operator-lib');
    expect(existsSync(folderOf('bench'))).toBe(false);
  });

  test('leaves nothing behind when it is interrupted', { timeout: TIMEOUT_MS }, async (context) => {
    skipWithoutNode(context);
    const child = bench('handover');
    child.stdout.resume();
    await new Promise<void>((resolve) => {
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('the cluster bench is up')) resolve();
      });
    });
    expect(existsSync(folderOf('bench'))).toBe(true);
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(130);
    expect(existsSync(folderOf('bench'))).toBe(false);
  });
});
