import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, describe, expect, inject, onTestFinished, test } from 'vitest';

import { folderOf } from '../cluster/state.ts';
import { root } from '../public/entry-points.ts';

const TIMEOUT_MS = 900_000;
const TIMES = [expect.any(Number)];

/** A test that times out has it take its cluster down, too. */
function bench(...args: string[]) {
  const script = join(root, 'spec/bench/bench.ts');
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  return child;
}

/** Runs it to its end; resolves with what it printed and what it wrote. */
async function measure(...args: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-bench-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const [json, svg] = [join(folder, 'bench.json'), join(folder, 'bench.svg')];
  const child = bench(...args, '--json', json, '--svg', svg);
  const [stdout, , [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ]);
  expect(code).toBe(0);
  expect(existsSync(folderOf('bench'))).toBe(false);
  const data: unknown = JSON.parse(await readFile(json, 'utf8'));
  return { stdout, data, svg: await readFile(svg, 'utf8') };
}

/** It builds a Kubernetes of its own. */
function skipElsewhere({ skip }: TestContext, needsNode: boolean): void {
  const { name, noNode } = inject('cluster');
  if (name === undefined) skip('a cluster of yours is used (CLUSTER)');
  if (needsNode && noNode !== undefined) skip(`there is no node of the project's own: ${noNode}`);
}

describe('npm run bench', { timeout: TIMEOUT_MS }, () => {
  test('--cluster measures ours, operator-lib and the floor', async (context) => {
    skipElsewhere(context, true);
    const few = ['--handovers', '1', '--candidates', '3'];
    const { stdout, data, svg } = await measure('--cluster', 'handover', 'herd', ...few);
    expect(stdout).toMatch(/^leader-for-life .+ operator-lib 0\..+ Kubernetes 1\./);
    expect(stdout).toMatch(/^operator-lib +1 +[\d.]+ ms /m);
    expect(stdout).toMatch(/^3, bare client +1 /m);
    expect(stdout).toMatch(/^Pods: median outage +at most 250 ms +[\d.]+ ms +(?:met|missed)$/m);
    const programs = ['leader-for-life', 'operator-lib', 'leader-for-life, release()'];
    expect(data).toMatchObject({
      handover: [...programs, 'bare client'].map((program) => {
        return { program, handoverMs: TIMES, outageMs: TIMES };
      }),
      herd: [{ contender: 'become' }, { contender: 'bare client' }],
    });
    expect(svg).toContain('operator-lib');
  });

  test('--lease measures ours and client-go', async (context) => {
    skipElsewhere(context, false);
    const little = ['--handovers', '1', '--minutes', '1', '--candidates', '4', '--electors', '3'];
    const { stdout, data, svg } = await measure('--lease', ...little);
    expect(stdout).toMatch(/^leader-for-life .+ client-go 0\..+ Kubernetes 1\./);
    expect(stdout).toMatch(/^median handover after a release +at most 50.0 ms +[\d.]+ ms +/m);
    const programs = ['leader-for-life', 'client-go'].map((program) => ({ program }));
    expect(data).toMatchObject({
      release: programs.map((of) => ({ ...of, handoverMs: TIMES, outageMs: TIMES })),
      crash: programs.map((of) => ({ ...of, beyondMs: TIMES, outageMs: TIMES })),
      requests: { processes: expect.any(Array), day: { waiting: expect.any(Array) } },
      footprint: Array(8).fill({ windowMs: expect.any(Number), cpuMs: expect.any(Number) }),
      herd: programs.flatMap((of) =>
        ['release', 'crash'].map((cause) => ({ ...of, cause, size: 4, takenMs: TIMES })),
      ),
      many: programs.map((of) => ({ ...of, electors: 3, lost: 0 })),
    });
    expect(svg).toContain('client-go');
  });

  test('--pods measures ours, client-go and operator-lib', async (context) => {
    skipElsewhere(context, true);
    const { stdout, data, svg } = await measure('--pods', 'rollout', '--handovers', '1');
    expect(stdout).toMatch(/^leader-for-life .+ client-go 0\..+ operator-lib 0\..+ Kubernetes 1\./);
    expect(stdout).toMatch(/^client-go +all Pods at once +1 +[01] /m);
    expect(data).toMatchObject({ rollout: Array(12).fill({ handovers: TIMES, outageMs: TIMES }) });
    expect(svg).toContain('operator-lib');
  });

  test('--light measures ours, bare Node.js, the floor and Go', async (context) => {
    skipElsewhere(context, false);
    const little = ['--handovers', '1', '--minutes', '1', '--electors', '3'];
    const { stdout, data, svg } = await measure('--light', ...little);
    expect(stdout).toMatch(/^leader-for-life .+ client-go 0\..+ Kubernetes 1\./);
    expect(stdout).toMatch(/^first become of a process, median +at most 90.0 ms +/m);
    const programs = ['bare Node.js', 'floor', 'leader-for-life'];
    const of =
      (more: object) =>
      (program: string): unknown =>
        expect.objectContaining({ program, ...more });
    expect(data).toMatchObject({
      start: expect.arrayContaining([...programs, 'operator-lib'].map(of({ leadingMs: TIMES }))),
      memory: expect.arrayContaining([...programs, 'operator-lib'].map(of({}))),
      aborted: { leadershipNs: expect.any(Number), plainNs: expect.any(Number) },
      renewals: expect.arrayContaining([...programs, 'client-go'].map(of({}))),
      thousand: [...programs, 'client-go'].map(of({ electors: 3 })),
    });
    expect(svg).toContain('bare Node.js');
  });

  test.for([
    { mode: '--cluster', part: 'handover', needsNode: true },
    { mode: '--lease', part: 'crash', needsNode: false },
  ])(
    '$mode leaves nothing behind when it is interrupted',
    async ({ needsNode, ...of }, context) => {
      skipElsewhere(context, needsNode);
      const child = bench(of.mode, of.part);
      child.stdout.resume();
      let said = '';
      for await (const chunk of child.stderr) {
        said += String(chunk);
        if (said.includes('the cluster bench is up')) break;
      }
      expect(existsSync(folderOf('bench'))).toBe(true);
      child.kill('SIGINT');
      const [code] = (await once(child, 'exit')) as [number];
      expect(code).toBe(130);
      expect(existsSync(folderOf('bench'))).toBe(false);
      // Each ends by itself once its starter does not read what it says.
      await expect.poll(electors, { timeout: 60_000 }).toEqual([]);
    },
  );
});

/** The command lines of all processes that use a kubeconfig of the cluster. */
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
