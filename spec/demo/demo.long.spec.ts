import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';

import { root } from '../public/entry-points.ts';

interface Outcome {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** For what hangs: nothing here is about how fast the machine is. */
const LIMIT_MS = 120_000;

/** Runs the demo to its end. */
function demo(args: readonly string[] = []): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const { FORCE_COLOR: _, ...env } = process.env;
  const script = join(root, 'spec/demo/demo.ts');
  const options = { env, timeout: LIMIT_MS, killSignal: 'SIGKILL' } as const;
  const child = execFile(process.execPath, [script, ...args], options, (_error, stdout, stderr) => {
    resolve({ code: child.signalCode ?? child.exitCode, stdout, stderr });
  });
  return promise;
}

describe('npm run demo', () => {
  let played: Outcome;

  beforeAll(async () => {
    played = await demo();
  }, LIMIT_MS);

  test('tells of every handover, shows who led when, and finds all as it should be', () => {
    const { code, stdout } = played;
    expect(stdout).toMatch(/app-[abc] leads after [\d.]+ m?s; the others wait\./);
    expect(stdout).toMatch(/leads [\d.]+ m?s after the Pod was gone\. app-d replaces app-[abc]\./);
    expect(stdout).toMatch(/goes on leading [\d.]+ m?s later; nobody took over\./);
    expect(stdout).toMatch(/leads [\d.]+ m?s later, before that Pod is gone\. app-e replaces/);
    expect(stdout).toMatch(/leads [\d.]+ m?s after the Pod failed\. app-f replaces/);
    expect(stdout).toMatch(/^ {2}app-[abc] +·*░*█+╳/m);
    expect(stdout).toMatch(/^ {2}handover( +[\d.]+ m?s){3}$/m);
    expect(stdout.match(/^ {2}✓ .+/gm)).toHaveLength(6);
    expect(stdout).not.toContain('✗');
    expect(code).toBe(0);
  });

  test('fits into 80 columns, and is without colour where it is no terminal', () => {
    const { stdout } = played;
    expect(stripVTControlCharacters(stdout)).toBe(stdout);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('fails when an app leads out of turn', { timeout: LIMIT_MS }, async () => {
    const { code, stdout } = await demo(['usurped']);
    expect(stdout).toContain('✗ not so: never two leaders at once');
    expect(stdout).toMatch(
      /✗ not so: the play .+\n +app-[abc] and app-[abc] lead at the same time/,
    );
    expect(code).toBe(1);
  });

  test('knows its plays', async () => {
    const outcome = await demo(['tragedy']);
    expect(outcome).toEqual({ code: 2, stdout: '', stderr: 'There is no play tragedy\n' });
  });
});

describe('npm run demo -- lease', () => {
  let played: Outcome;

  beforeAll(async () => {
    played = await demo(['lease']);
  }, LIMIT_MS);

  test('tells of a release, a crash and a cut, and finds all as it should be', () => {
    const { code, stdout } = played;
    expect(stdout).toMatch(/app-[abc] leads after [\d.]+ m?s; the others wait\./);
    expect(stdout).toMatch(/app-[abc] is asked to go\..+\n +app-[abc] leads [\d.]+ m?s later\./);
    expect(stdout).toMatch(/app-[abc] crashes .+\n +app-[a-d] leads [\d.]+ m?s later\./);
    expect(stdout).toMatch(
      /app-[a-d] is cut off .+\n +app-[a-e] leads [\d.]+ m?s later, [\d.]+ m?s after that one stepped/,
    );
    expect(stdout).toMatch(/^ {2}app-[a-d] +·*░*█+┄+/m);
    expect(stdout).toMatch(/^ {2}handover( +[\d.]+ m?s){3}$/m);
    expect(stdout.match(/^ {2}✓ .+/gm)).toHaveLength(8);
    expect(stdout).not.toContain('✗');
    expect(code).toBe(0);
  });

  test('fits into 80 columns', () => {
    const widths = played.stdout.split('\n').map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(80);
  });

  test('fails when an app works on after its lease is lost', { timeout: LIMIT_MS }, async () => {
    const { code, stdout } = await demo(['stubborn']);
    expect(stdout).toMatch(/✗ not so: only leaders acted.+\n +app-. acted without leading/);
    expect(code).toBe(1);
  });
});
