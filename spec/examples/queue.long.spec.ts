import { describe, expect, it } from 'vitest';

import { createCluster } from '../../lib/testing/index.ts';
import { type Answer, HttpStub, type StubRequest } from './http-stub.ts';
import { Program } from './program.ts';

/** The queue and the store that the example speaks with. */
class Shop {
  readonly written: string[] = [];
  readonly #queue: string[];
  #fence = 0n;

  constructor(messages: number) {
    this.#queue = Array.from({ length: messages }, (_, index) => `message-${index + 1}`);
  }

  add(id: string): void {
    this.#queue.push(id);
  }

  answer({ method, url, headers }: StubRequest): Answer {
    const id = url.split('/').at(-1) ?? '';
    if (method === 'GET') {
      const [oldest] = this.#queue;
      return oldest ? { status: 200, body: { id: oldest, body: { of: oldest } } } : { status: 204 };
    }
    if (method === 'DELETE') {
      if (this.#queue[0] === id) this.#queue.shift();
      return { status: 200 };
    }
    const token = BigInt(String(headers['fencing-token']));
    if (token < this.#fence) return { status: 412 };
    this.#fence = token;
    this.written.push(id);
    return { status: 200 };
  }
}

describe('the queue consumer', () => {
  it('keeps the order over a handover', async () => {
    await using cluster = await createCluster();
    await using server = await HttpStub.listen();
    const shop = new Shop(3);
    server.answer = (request) => shop.answer(request);
    const env = { QUEUE_URL: `${server.url}/queue`, STORE_URL: `${server.url}/store` };
    await using first = new Program(cluster, 'queue', 'queue-0', env);
    await first.prints('message-3: done');
    await using second = new Program(cluster, 'queue', 'queue-1', env);

    expect(await first.terminate()).toEqual({ code: 0, stderr: '' });
    shop.add('message-4');
    await second.prints('message-4: done');
    expect(shop.written).toEqual(['message-1', 'message-2', 'message-3', 'message-4']);
    expect(await second.terminate()).toEqual({ code: 0, stderr: '' });
  });

  it('ends with an error, and so starts anew, when its lock is taken away', async () => {
    await using cluster = await createCluster();
    await using server = await HttpStub.listen();
    const shop = new Shop(1);
    server.answer = (request) => shop.answer(request);
    const env = { QUEUE_URL: `${server.url}/queue`, STORE_URL: `${server.url}/store` };
    await using first = new Program(cluster, 'queue', 'queue-0', env);
    await first.prints('message-1: done');
    await using second = new Program(cluster, 'queue', 'queue-1', env);
    await cluster.until(() =>
      cluster.requests.count({ verb: 'watch', resource: 'pods', name: 'queue-0', status: 200 }),
    );

    cluster.deleteConfigMap('queue-consumer');
    const { code, stderr } = await first.end();
    expect(code).toBe(1);
    expect(stderr).toContain('ERR_LEADERSHIP_LOST');
    shop.add('message-2');
    await second.prints('message-2: done');
  });

  it('ends when the store knows a later leader', async () => {
    await using cluster = await createCluster();
    await using server = await HttpStub.listen();
    const shop = new Shop(1);
    server.answer = (request) =>
      request.method === 'PUT' ? { status: 412 } : shop.answer(request);
    const env = { QUEUE_URL: `${server.url}/queue`, STORE_URL: `${server.url}/store` };
    await using program = new Program(cluster, 'queue', 'queue-0', env);
    const { code, stderr } = await program.end();
    expect(code).toBe(1);
    expect(stderr).toContain('412');
    expect(shop.written).toEqual([]);
  });
});
