import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, createCluster } from '../../lib/testing/index.ts';
import { CliProcess } from './cli-process.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await createCluster();
});

afterAll(() => cluster.close());

describe('wait', () => {
  it('ends with 0 once this Pod leads for life, and the Pod keeps the lock', async () => {
    const { uid } = cluster.createPod('first').metadata;
    await using process = new CliProcess(cluster, ['wait', 'lock'], { pod: 'first' });
    expect(await process.end()).toMatchObject({ code: 0, stdout: '' });
    const owner = { kind: 'Pod', name: 'first', uid };
    expect(cluster.getConfigMap('lock')?.metadata.ownerReferences).toMatchObject([owner]);
    // The container that follows it in the same Pod leads at once.
    await using next = new CliProcess(cluster, ['run', 'lock', '--', 'echo', 'leads'], {
      pod: 'first',
    });
    expect(await next.end()).toMatchObject({ code: 0, stdout: 'leads\n' });
  });

  it('waits while another Pod leads', async () => {
    cluster.createPod('leader');
    cluster.createPod('candidate');
    await using leader = new CliProcess(cluster, ['wait', 'held'], { pod: 'leader' });
    await leader.end();
    await using process = new CliProcess(cluster, ['wait', 'held'], { pod: 'candidate' });
    await process.prints(/ leads/, 'stderr');
    cluster.deletePod('leader');
    expect(await process.end()).toMatchObject({ code: 0 });
    const owner = { name: 'candidate' };
    expect(cluster.getConfigMap('held')?.metadata.ownerReferences).toMatchObject([owner]);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('ends on %s with %i: never 0', async (signal, code) => {
    cluster.createPod(`holder-${code}`);
    cluster.createPod(`waiter-${code}`);
    const lock = `asked-${code}`;
    await using holder = new CliProcess(cluster, ['wait', lock], { pod: `holder-${code}` });
    await holder.end();
    await using process = new CliProcess(cluster, ['wait', lock], { pod: `waiter-${code}` });
    await process.prints(/ leads/, 'stderr');
    process.kill(signal);
    expect(await process.end()).toMatchObject({ code, signal: null });
    const name = `holder-${code}`;
    expect(cluster.getConfigMap(lock)?.metadata.ownerReferences).toMatchObject([{ name }]);
  });

  it('ends with 124 after --timeout', async () => {
    cluster.createPod('slow');
    await using process = new CliProcess(cluster, ['wait', 'held', '--timeout', '200ms'], {
      pod: 'slow',
    });
    expect(await process.end()).toMatchObject({
      code: 124,
      stderr: expect.stringContaining('(ERR_TIMEOUT)'),
    });
  });

  it('ends with 125 if it does not know its Pod, and says what the manifest lacks', async () => {
    await using process = new CliProcess(cluster, ['wait', 'lock']);
    const { code, stderr } = await process.end();
    expect(code).toBe(125);
    expect(stderr).toMatch(/error: Neither POD_NAME .* which Pod this is.* \(ERR_NO_POD_NAME\)\n/);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
