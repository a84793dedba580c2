import { describe, expect, test } from 'vitest';

import { atLaptop, run } from './console.ts';

describe('doctor', () => {
  test('prints a line for each finding, in columns, and ends with 0', async () => {
    const { run: doctor } = await atLaptop();
    const { exitCode, stdout } = await doctor('doctor', '--pod', 'a', 'lock');
    expect(exitCode).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.slice(0, 22).trim().split(/ +/))).toEqual([
      ['ok', 'environment'],
      ['ok', 'api-server'],
      ['ok', 'clock'],
      ['ok', 'rights'],
      ['ok', 'lock'],
      ['warning', 'rollout'],
      ['ok', 'grace-period'],
      ['ok', 'readiness'],
    ]);
    for (const line of lines) expect(line).toMatch(/^(ok|warning) +[a-z-]+ {3,}\S/);
    expect(stdout).not.toContain('\u001b');
  });

  test('ends with 1 if an election cannot work', async () => {
    const { cluster, run: doctor } = await atLaptop('nobody');
    cluster.revoke('nobody');
    const { exitCode, stdout } = await doctor('doctor', '--lease', 'lease');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^error +rights +May not get leases/m);
  });

  test('needs one name', async () => {
    expect(await run(['doctor'])).toMatchObject({ exitCode: 2 });
  });
});
