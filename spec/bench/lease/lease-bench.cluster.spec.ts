import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type TestContext, describe, expect, inject, onTestFinished, test } from 'vitest';

import { folderOf } from '../../cluster/state.ts';
import { root } from '../../public/entry-points.ts';

const TIMEOUT_MS = 900_000;

/** Whoever waits for it in vain has it take its cluster down, too. */
function bench(...args: string[]) {
  const script = join(root, 'spec/bench/bench.ts');
  const child = spawn(process.execPath, [script, '--lease', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  return child;
}

/** It builds a Kubernetes of its own. */
function skipElsewhere({ skip }: TestContext): void {
  if (inject('cluster').name === undefined) skip('a cluster of yours is used (CLUSTER)');
}

describe('npm run bench -- --lease', () => {
  test('measures ours and client-go', { timeout: TIMEOUT_MS }, async (context) => {
    skipElsewhere(context);
    const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-bench-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const files = ['--json', join(folder, 'lease.json'), '--svg', join(folder, 'lease.svg')];
    const little = ['--handovers', '1', '--minutes', '1', '--candidates', '4', '--electors', '3'];
    const child = bench(...little, ...files);
    const [stdout, , [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number]>,
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^leader-for-life .+ client-go 0\..+ Kubernetes 1\./);
    expect(stdout).toMatch(/^median handover after a release +at most 50.0 ms +[\d.]+ ms +/m);
    const programs = ['leader-for-life', 'client-go'].map((program) => ({ program }));
    const times = [expect.any(Number)];
    expect(JSON.parse(await readFile(join(folder, 'lease.json'), 'utf8'))).toMatchObject({
      release: programs.map((program) => ({ ...program, handoverMs: times, outageMs: times })),
      crash: programs.map((program) => ({ ...program, beyondMs: times, outageMs: times })),
      requests: { processes: expect.any(Array), day: { waiting: expect.any(Array) } },
      footprint: Array(8).fill({ windowMs: expect.any(Number), cpuMs: expect.any(Number) }),
      herd: programs.flatMap((program) =>
        ['release', 'crash'].map((cause) => ({ ...program, cause, size: 4, takenMs: times })),
      ),
      many: programs.map((program) => ({ ...program, electors: 3, lost: 0 })),
    });
    expect(await readFile(join(folder, 'lease.svg'), 'utf8')).toContain('client-go');
    expect(existsSync(folderOf('bench'))).toBe(false);
  });

  test('leaves nothing behind when it is interrupted', { timeout: TIMEOUT_MS }, async (context) => {
    skipElsewhere(context);
    const child = bench('crash');
    child.stdout.resume();
    await said(child, 'the cluster bench is up');
    child.kill('SIGINT');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(130);
    expect(existsSync(folderOf('bench'))).toBe(false);
    // Each ends by itself once nobody reads what it says.
    await expect.poll(electors, { timeout: 60_000 }).toEqual([]);
  });
});

/** The command lines of those processes that reach the cluster with a kubeconfig of it. */
function electors(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(commandLine)
    .filter((line) => line.includes(`--kubeconfig=${folderOf('bench')}/`));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // It has ended.
  }
}

/** Resolves once it has said that to whoever looks on. */
async function said(child: ChildProcess, text: string): Promise<void> {
  let all = '';
  await new Promise<void>((resolve) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      all += chunk.toString();
      if (all.includes(text)) resolve();
    });
  });
}
