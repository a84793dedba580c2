import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';

import { root } from '../public/entry-points.ts';

/** Runs the benchmark; rejects when it fails. */
async function bench(...args: string[]): Promise<string> {
  const script = join(root, 'spec/bench/bench.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], {
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  return stdout;
}

// How fast it is says nothing here: this is about whether it measures at all.
describe('npm run bench', () => {
  test('measures handovers, and writes them to a file if asked to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-bench-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const json = join(folder, 'bench.json');
    const handovers = ['handover', '--candidates', '3', '--handovers', '2'];
    const stdout = await bench(...handovers, '--json', json);
    expect(stdout).toMatch(
      /^leader-for-life .+ Node\.js .+\n\d+ cores .+\n\nHandover .+ in-process/,
    );
    expect(stdout).toMatch(/^3 +2 +[\d.]+ ms +[\d.]+ ms +/m);
    expect(stdout).toMatch(/^3, Pod ended +2 /m);
    expect(stdout).toMatch(/^3 candidates: .+, compared with a bare client +at most 1.50 times +/m);
    const handover = { takenMs: expect.any(Number), creates: expect.any(Number) };
    expect(JSON.parse(await readFile(json, 'utf8'))).toMatchObject({
      machine: { cores: expect.any(Number) },
      handover: [
        { contender: 'become', size: 3, cause: 'deleted', handovers: [handover, handover] },
        { contender: 'become', size: 3, cause: 'ended', handovers: [handover, handover] },
        { contender: 'bare client', size: 3, cause: 'deleted', handovers: [handover, handover] },
      ],
      goals: expect.any(Array),
    });
  }, 60_000);

  test('counts the requests of an uncontested call, and of hours of waiting and leading', async () => {
    const stdout = await bench('requests');
    expect(stdout).toMatch(/ nobody contests +2 +1 create configmaps, 1 get pods$/m);
    expect(stdout).toMatch(/^the costliest of 24 hours of leading +0$/m);
  });

  test('tells what is wrong with its arguments', async () => {
    const message = 'speed is none of handover, requests, import, size';
    const stderr = expect.stringContaining(message);
    await expect(bench('speed')).rejects.toMatchObject({ code: 2, stderr });
  });
});
