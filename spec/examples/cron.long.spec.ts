import { describe, expect, it } from 'vitest';

import { createCluster } from '../../lib/testing/index.ts';
import { HttpStub } from './http-stub.ts';
import { Program } from './program.ts';

describe('the cron-like worker', () => {
  it('calls once per interval, from one replica', async () => {
    await using cluster = await createCluster();
    await using job = await HttpStub.listen();
    const env = { JOB_URL: job.url, INTERVAL_SECONDS: '0.5' };
    await using first = new Program(cluster, 'cron', 'cron-0', env);
    await first.prints('done');
    await using second = new Program(cluster, 'cron', 'cron-1', env);
    await job.until((requests) => requests.length >= 5);

    expect(second.stdout).toBe('');
    const keys = job.requests.map(({ headers }) => Number(headers['idempotency-key']));
    expect(new Set(keys).size).toBe(keys.length);
    expect(job.requests.every(({ method }) => method === 'POST')).toBe(true);

    expect(await first.terminate()).toEqual({ code: 0, stderr: '' });
    await second.prints('done');
    expect(await second.terminate()).toEqual({ code: 0, stderr: '' });
  });

  it('goes on in another replica when the leader dies in the middle of a call', async () => {
    await using cluster = await createCluster();
    await using job = await HttpStub.listen();
    const env = { JOB_URL: job.url, INTERVAL_SECONDS: '1000000' };
    job.hold();
    await using first = new Program(cluster, 'cron', 'cron-0', env);
    await job.until((requests) => requests.length === 1);
    await using second = new Program(cluster, 'cron', 'cron-1', env);

    await first[Symbol.asyncDispose]();
    job.goOn();
    cluster.finishPod('cron-0', 'Failed');
    await second.prints('done');
    const keys = job.requests.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([keys[0], keys[0]]);
  });

  it('reports a call that fails, and calls again in its time', async () => {
    await using cluster = await createCluster();
    await using job = await HttpStub.listen();
    job.answer = ({ index }) => ({ status: index === 0 ? 500 : 200 });
    const env = { JOB_URL: job.url, INTERVAL_SECONDS: '0.5' };
    await using program = new Program(cluster, 'cron', 'cron-0', env);
    await program.prints('done');
    const { code, stderr } = await program.terminate();
    expect(code).toBe(0);
    expect(stderr).toContain('the answer is 500');
  });
});
