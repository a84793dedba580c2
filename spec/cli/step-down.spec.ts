import { describe, expect, test } from 'vitest';

import { become } from '../../lib/index.ts';
import { type Cluster } from '../../lib/testing/index.ts';
import { atLaptop, change, hold } from './console.ts';

const ANNOTATION = 'leader-for-life/step-down';

/** When the leader of a Lease is asked, this happens. */
function whenAsked(cluster: Cluster, then: () => void): Promise<void> {
  const asked = () => cluster.getLease('lease')?.metadata.annotations?.[ANNOTATION];
  return cluster.until(asked).then(then);
}

describe('step-down', () => {
  test('asks, waits until another one leads, and prints who', async () => {
    const { cluster, run } = await atLaptop();
    hold(cluster, 'lease', 'a_1');
    const handover = whenAsked(cluster, () => {
      change(cluster, 'lease', { holderIdentity: '' });
      change(cluster, 'lease', { holderIdentity: 'b_2', leaseTransitions: 1 });
    });
    const { exitCode, stdout, stderr } = await run('step-down', 'lease');
    await handover;
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'b_2\n' });
    expect(stderr).toMatch(/asked a_1 to step down/);
  });

  test('asks the Pod that leads for life', async () => {
    const { cluster, run } = await atLaptop();
    const leadership = await become('lock', cluster.optionsFor('a'));
    const next = become('lock', cluster.optionsFor('b'));
    const asked = () => cluster.getConfigMap('lock')?.metadata.annotations?.[ANNOTATION] === 'a';
    const released = cluster.until(asked).then(() => leadership.release());
    expect(await run('step-down', 'lock')).toMatchObject({ exitCode: 0, stdout: 'b\n' });
    await released;
    await (await next).release();
  });

  test('fails if the same one leads again', async () => {
    const { cluster, run } = await atLaptop();
    hold(cluster, 'lease', 'a_1');
    const again = whenAsked(cluster, () => {
      change(cluster, 'lease', { holderIdentity: '' });
      change(cluster, 'lease', { holderIdentity: 'a_1', leaseTransitions: 1 });
    });
    const { exitCode, stdout, stderr } = await run('step-down', '--lease', 'lease');
    await again;
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: 'a_1\n' });
    expect(stderr).toMatch(/a_1 leads again/);
  });

  test.each([
    ['b', 0],
    ['c', 1],
  ])('--to %s notes it as preferred, and ends with %i if b leads', async (to, expected) => {
    const { cluster, run } = await atLaptop();
    hold(cluster, 'lease', 'a_1', { strategy: 'OldestEmulationVersion' });
    const handover = whenAsked(cluster, () => {
      expect(cluster.getLease('lease')?.spec?.preferredHolder).toBe(to);
      change(cluster, 'lease', { holderIdentity: 'b_2' });
    });
    const { exitCode, stdout } = await run('step-down', '--to', to, 'lease');
    await handover;
    expect({ exitCode, stdout }).toEqual({ exitCode: expected, stdout: 'b_2\n' });
  });

  test('gives up after --timeout, and says who still leads', async () => {
    const { cluster, run } = await atLaptop();
    hold(cluster, 'lease', 'a_1');
    const { exitCode, stderr } = await run('step-down', '--timeout', '50ms', 'lease');
    expect([exitCode, stderr]).toEqual([124, expect.stringMatching(/a_1 still leads/)]);
  });

  test('asks the leader by the Lease if the ConfigMap of this name is no lock', async () => {
    const { cluster, run } = await atLaptop();
    cluster.createConfigMap('lease', { data: { a: 'b' } });
    hold(cluster, 'lease', 'a_1');
    const handover = whenAsked(cluster, () => {
      change(cluster, 'lease', { holderIdentity: 'b_2', leaseTransitions: 1 });
    });
    expect(await run('step-down', 'lease')).toMatchObject({ exitCode: 0, stdout: 'b_2\n' });
    await handover;
  });

  test('asks the Pod if the Lease of this name is held too, and says so', async () => {
    const { cluster, run } = await atLaptop();
    const leadership = await become('lock', cluster.optionsFor('a'));
    hold(cluster, 'lock', 'a_1');
    const { exitCode, stderr } = await run('step-down', '--timeout', '50ms', 'lock');
    expect(exitCode).toBe(124);
    expect(stderr).toMatch(/a_1 holds Lease default\/lock, and is asked with --lease/);
    expect(stderr).toMatch(/asked a to step down/);
    await leadership.release();
  });

  test('with --lease names the Pod that leads by a ConfigMap of this name', async () => {
    const { cluster, run } = await atLaptop();
    const leadership = await become('lock', cluster.optionsFor('a'));
    const { exitCode, stderr } = await run('step-down', '--lease', 'lock');
    const message =
      /Nobody holds Lease.*ConfigMap default\/lock: Pod a.* leads\. Leave out --lease/;
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(message)]);
    await leadership.release();
  });

  test('says so if nobody leads', async () => {
    const { cluster, run } = await atLaptop();
    const { exitCode, stderr } = await run('step-down', 'lock');
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/Nobody holds ConfigMap/)]);
    hold(cluster, 'lease', '');
    expect((await run('step-down', 'lease')).stderr).toMatch(/Nobody holds Lease.*ERR_NO_LEADER/);
  });

  test.each([
    [['step-down'], /A name is missing/],
    [['step-down', 'a', 'b'], /one argument too many/],
    [['step-down', '--timeout', '5', 'lock'], /must be a duration/],
  ])('%o is bad usage', async (args, message) => {
    const { run } = await atLaptop();
    const { exitCode, stderr } = await run(...args);
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('--to with a lock for life is bad usage', async () => {
    const { cluster, run } = await atLaptop();
    await become('lock', cluster.optionsFor('a'));
    const { exitCode, stderr } = await run('step-down', '--to', 'b', 'lock');
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/--to must be left out/)]);
  });
});
