import { describe, expect, it } from 'vitest';

import { createCluster } from '../../lib/testing/index.ts';
import { type Answer, HttpStub, type StubRequest } from './http-stub.ts';
import { Program } from './program.ts';

/** The source, whose document changes, and the mirror. */
class Mirror {
  document = 'one';
  readonly tokens: string[] = [];

  answer({ method, headers }: StubRequest): Answer {
    if (method === 'GET') return { status: 200, body: this.document };
    this.tokens.push(String(headers['fencing-token']));
    return { status: 200 };
  }
}

describe('the worker with a lease', () => {
  it('mirrors from one replica what has changed, and hands over on SIGTERM', async () => {
    await using cluster = await createCluster();
    await using server = await HttpStub.listen();
    const mirror = new Mirror();
    server.answer = (request) => mirror.answer(request);
    const env = { SOURCE_URL: server.url, MIRROR_URL: server.url, INTERVAL_SECONDS: '0.1' };
    await using first = new Program(cluster, 'lease-worker', 'worker-0', env);
    await first.prints('mirrored 5 characters');
    await using second = new Program(cluster, 'lease-worker', 'worker-1', env);
    mirror.document = 'four more';
    await first.prints('mirrored 11 characters');
    expect(mirror.tokens).toHaveLength(2);
    expect(second.stdout).toBe('');

    expect(await first.terminate()).toEqual({ code: 0, stderr: '' });
    await second.prints('mirrored 11 characters');
    expect(cluster.getLease('lease-worker')?.spec?.holderIdentity).toMatch(/^worker-1_/);
    const [of, same, next] = mirror.tokens.map(BigInt);
    expect(of).toBe(same);
    expect(next).toBeGreaterThan(of ?? 0n);
    expect(await second.terminate()).toEqual({ code: 0, stderr: '' });
    expect(cluster.getLease('lease-worker')?.spec?.holderIdentity).toBe('');
  });

  it('goes on in another replica when the leader is gone without a word, though its Pod is not', async () => {
    await using cluster = await createCluster();
    await using server = await HttpStub.listen();
    const mirror = new Mirror();
    server.answer = (request) => mirror.answer(request);
    const env = { SOURCE_URL: server.url, MIRROR_URL: server.url, INTERVAL_SECONDS: '0.1' };
    await using first = new Program(cluster, 'lease-worker', 'worker-0', env);
    await first.prints('mirrored 5 characters');
    await using second = new Program(cluster, 'lease-worker', 'worker-1', env);
    await first[Symbol.asyncDispose]();
    await second.prints('mirrored 5 characters');
    expect(cluster.getPod('worker-0')?.status?.phase).toBe('Running');
  });
});
