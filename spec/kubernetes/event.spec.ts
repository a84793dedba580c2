import { describe, expect } from 'vitest';

import { createEvent } from '../../lib/kubernetes/event.ts';
import type { Json } from '../../lib/kubernetes/json.ts';
import { it as base } from './scripted.ts';

const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace: 'prod', name: 'my-lease', uid: 'uid-1', resourceVersion: '7' },
  spec: {},
};

/** With what is sent to record an Event about an object. */
const it = base.extend('send', ({ api, clock, transport }) => async (subject: Json) => {
  transport.echo(201);
  await createEvent(api, clock, subject, 'app-0_1 became leader');
  const { method, path = '', body } = transport.requests.at(-1) ?? {};
  expect(method).toBe('POST');
  return { path, body: body as { metadata: { name: string } } };
});

describe('an Event', () => {
  it('is what client-go records about a change of leader', async ({ send }) => {
    const { path, body } = await send(lease);
    expect(path).toBe('/api/v1/namespaces/prod/events');
    expect(body).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: expect.any(String), namespace: 'prod' },
      involvedObject: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        ...lease.metadata,
      },
      reason: 'LeaderElection',
      message: 'app-0_1 became leader',
      type: 'Normal',
      source: { component: 'leader-for-life' },
      reportingComponent: 'leader-for-life',
      firstTimestamp: '2026-01-01T00:16:40Z',
      lastTimestamp: '2026-01-01T00:16:40Z',
      count: 1,
    });
  });

  it('is named after its object and the nanoseconds in hex', async ({ clock, send }) => {
    clock.luck = [0, 0.999_999_9];
    const nanoseconds = BigInt(clock.date().getTime()) * 1_000_000n;
    for (const more of [0n, 999_999n]) {
      const { name } = (await send(lease)).body.metadata;
      expect(name).toBe(`my-lease.${(nanoseconds + more).toString(16)}`);
    }
  });

  it('has a valid name, however long the name of its object is', async ({ send }) => {
    const nameFor = async (length: number) =>
      (await send({ metadata: { name: 'a'.repeat(length) } })).body.metadata.name;
    expect(await nameFor(236)).toMatch(/^a{236}\.[0-9a-f]{16}$/);
    expect(await nameFor(237)).toBe('uuid-1');
  });

  it('is in the default namespace if its object has none', async ({ send }) => {
    const { path, body } = await send({ kind: 'Lease', metadata: {} });
    expect(path).toBe('/api/v1/namespaces/default/events');
    expect(body).toMatchObject({ involvedObject: { namespace: 'default', name: '' } });
  });
});
