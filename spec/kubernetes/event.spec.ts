import { beforeEach, describe, expect, it } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { createEvent } from '../../lib/kubernetes/event.ts';
import type { Json } from '../../lib/kubernetes/json.ts';
import { ApiError } from '../../lib/kubernetes/outcome.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

let transport: ScriptedTransport;
let clock: ManualClock;

beforeEach(() => {
  transport = new ScriptedTransport();
  clock = new ManualClock();
});

const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { namespace: 'prod', name: 'my-lease', uid: 'uid-1', resourceVersion: '7' },
  spec: {},
};

/** What is sent to record an Event about this. */
async function sent(subject: Json = lease): Promise<{ path: string; body: Json }> {
  transport.echo(201);
  await createEvent(new Api(transport, clock), clock, subject, 'app-0_1 became leader');
  const { method, path, body } = transport.requests.at(-1) ?? {};
  expect(method).toBe('POST');
  return { path: path ?? '', body: (typeof body === 'string' ? JSON.parse(body) : body) as Json };
}

const nameOf = ({ body }: { body: Json }) => (body['metadata'] as { name: string }).name;

describe('an Event', () => {
  it('is what client-go records about a change of leader', async () => {
    const { path, body } = await sent();
    expect(path).toBe('/api/v1/namespaces/prod/events');
    expect(body).toEqual({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: expect.any(String), namespace: 'prod' },
      involvedObject: {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        namespace: 'prod',
        name: 'my-lease',
        uid: 'uid-1',
        resourceVersion: '7',
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

  it('is called after its object and the time in nanoseconds, in hexadecimal digits', async () => {
    clock.luck = [0, 0.999_999_9];
    const nanoseconds = BigInt(clock.date().getTime()) * 1_000_000n;
    expect(nameOf(await sent())).toBe(`my-lease.${nanoseconds.toString(16)}`);
    expect(nameOf(await sent())).toBe(`my-lease.${(nanoseconds + 999_999n).toString(16)}`);
  });

  it('has a name that the API server takes, however long that of its object is', async () => {
    const long = (length: number) => ({
      ...lease,
      metadata: { ...lease.metadata, name: 'a'.repeat(length) },
    });
    expect(nameOf(await sent(long(236)))).toMatch(/^a{236}\.[0-9a-f]{16}$/);
    expect(nameOf(await sent(long(237)))).toBe('uuid-1');
  });

  it('is in the namespace of its object, or in the default one', async () => {
    const { path, body } = await sent({ kind: 'Lease', metadata: {} });
    expect(path).toBe('/api/v1/namespaces/default/events');
    expect(body).toMatchObject({ involvedObject: { namespace: 'default', name: '' } });
  });

  it('that is refused says so', async () => {
    transport.refuse(403);
    const recording = createEvent(new Api(transport, clock), clock, lease, 'x');
    await expect(recording).rejects.toThrow(ApiError);
  });
});
