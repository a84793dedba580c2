import { describe, expect, test } from 'vitest';

import { become } from '../../lib/index.ts';
import { atLaptop, hold, run } from './console.ts';

/** The cells of a table, without the padding. */
const cells = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {3,}/).map((cell) => cell.trim()));

describe('status', () => {
  test('without a name shows every lock of the namespace, in columns', async () => {
    const { cluster, run: status } = await atLaptop();
    await become('lock', cluster.optionsFor('a'));
    hold(cluster, 'a-lease', 'b_1234');
    cluster.createConfigMap('settings', { data: { colour: 'blue' } });
    const { exitCode, stdout, stderr } = await status('status');
    expect([exitCode, stderr]).toEqual([
      0,
      expect.stringMatching(/^leader-for-life: using context/),
    ]);
    expect(cells(stdout)).toEqual([
      ['NAME', 'MODE', 'LEADER', 'NODE', 'SINCE', 'LEFT', 'STATE'],
      ['a-lease', 'lease', 'b_1234', 'node-1', expect.stringMatching(/^\d+s$/), '14s', 'held'],
      ['lock', 'life', 'a', 'node-1', expect.stringMatching(/^\d+s$/), '-', 'held'],
    ]);
    const starts = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.search(/held|STATE/));
    expect(new Set(starts).size).toBe(1);
  });

  test('of a namespace without locks says so', async () => {
    const { run: status } = await atLaptop();
    expect((await status('status')).stdout).toBe('There are no locks in this namespace.\n');
    expect((await status('status', '-o', 'json')).stdout).toBe('[]\n');
    expect((await status('status', '-o', 'yaml')).stdout).toBe('[]\n');
  });

  test('with names shows these, in either mode, and says why they are not free', async () => {
    const { cluster, run: status } = await atLaptop();
    await become('lock', cluster.optionsFor('a'));
    cluster.deletePod('a', { gracePeriodSeconds: 60 });
    hold(cluster, 'lease', 'gone_1', { renewTime: '2020-01-01T00:00:00.000000Z' });
    hold(cluster, 'released', '');
    cluster.createConfigMap('settings');
    const names = ['lock', 'lease', 'released', 'nothing', 'settings'];
    const { stdout } = await status('status', '-o', 'wide', ...names);
    const [, ...rows] = cells(stdout);
    expect(rows.map((row) => [row[0], row[1], row[2], row[6], row.at(-1)])).toEqual([
      ['lock', 'life', 'a', 'holder-terminating', 'Pod a on node node-1 leads, and is terminating'],
      [
        'lease',
        'lease',
        'gone_1',
        'expired',
        expect.stringMatching(/^the Lease of gone_1 expired/),
      ],
      ['released', 'lease', '-', 'free', 'nobody holds the Lease'],
      ['nothing', 'life', '-', 'free', 'nobody holds the lock'],
      [
        'settings',
        'life',
        '-',
        'foreign',
        'no Pod owns this ConfigMap, and it was not made as a lock',
      ],
    ]);
  });

  test('shows times of a holder whose clock is ahead', async () => {
    const { cluster, run: status } = await atLaptop();
    const acquireTime = '2999-01-01T00:00:00.000000Z';
    hold(cluster, 'lease', 'c_1', { acquireTime, renewTime: acquireTime });
    const [, row = []] = cells((await status('status', 'lease')).stdout);
    expect(row).toEqual(['lease', 'lease', 'c_1', '-', '0s', '15s', 'held']);
  });

  test('takes the namespace as kubectl does', async () => {
    const { cluster, run: status } = await atLaptop();
    cluster.createNamespace('elsewhere');
    cluster.createConfigMap('elsewhere/settings');
    expect((await status('status', '-n', 'elsewhere', 'settings')).stdout).toContain('foreign');
  });

  test('shows both locks of one name', async () => {
    const { cluster, run: status } = await atLaptop();
    await become('same', cluster.optionsFor('a'));
    hold(cluster, 'same', 'b_1');
    const [, ...rows] = cells((await status('status', 'same')).stdout);
    expect(rows.map(([, mode, leader]) => [mode, leader])).toEqual([
      ['life', 'a'],
      ['lease', 'b_1'],
    ]);
  });

  test('gives the same as JSON and as YAML', async () => {
    const { cluster, run: status } = await atLaptop();
    hold(cluster, 'lease', 'b_"1"');
    const json = JSON.parse((await status('status', '-o', 'json')).stdout) as object[];
    expect(json).toMatchObject([{ mode: 'lease', name: 'lease', holder: 'b_"1"', reason: 'held' }]);
    const { stdout } = await status('status', '--output', 'yaml', 'lease');
    expect(stdout).toContain('- mode: "lease"\n  name: "lease"\n');
    expect(stdout).toContain('  holder: "b_\\"1\\""\n');
  });

  test('writes no control characters to a terminal', async () => {
    const { cluster, run: status } = await atLaptop();
    hold(cluster, 'lease', 'b\u001b[31m');
    expect((await status('status')).stdout).not.toContain('\u001b');
    expect((await status('status', '-o', 'yaml')).stdout).not.toContain('\u001b');
  });

  test('shows what may be read, and never takes the rest for free', async () => {
    const { cluster, run: status } = await atLaptop('viewer');
    const apiGroups = ['coordination.k8s.io'];
    cluster.grant('viewer', [{ apiGroups, resources: ['leases'], verbs: ['get'] }]);
    hold(cluster, 'lease', 'b_1');
    expect((await status('status', 'lease')).exitCode).toBe(0);
    const refused = await status('status', 'lock');
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toMatch(/error: .*ConfigMap default\/lock.*ERR_FORBIDDEN/);
    expect((await status('status')).exitCode).toBe(1);
  });

  test.each([
    [['status', '-o', 'xml'], /--output must be one of table, wide, json, yaml, but is "xml"/],
    [['status', '--all'], /Unknown option '--all'/],
    [['status', 'No Name'], /must be a DNS subdomain/],
  ])('%o is bad usage', async (args, message) => {
    const { run: status } = await atLaptop();
    const { exitCode, stderr } = await status(...args);
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('without a cluster says what is missing', async () => {
    const { exitCode, stderr } = await run(['status'], {
      HOME: '/nonexistent',
      LEADER_FOR_LIFE_KUBECONFIG: '/nonexistent',
    });
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/\/nonexistent cannot be read/)]);
  });
});
