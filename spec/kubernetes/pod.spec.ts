import { beforeEach, describe, expect, it } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { forceDeletePod, getPod, podsPath, toPod } from '../../lib/kubernetes/pod.ts';
import { livenessOf } from '../../lib/protocol/model.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

let transport: ScriptedTransport;
let api: Api;

beforeEach(() => {
  transport = new ScriptedTransport();
  api = new Api(transport, new ManualClock());
});

const path = '/api/v1/namespaces/prod/pods/app-0';
const running = { state: { running: { startedAt: '2026-01-01T00:00:00Z' } } };
const terminated = { state: { terminated: { exitCode: 0 } }, lastState: { running: {} } };

const stored = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'app-0', namespace: 'prod', uid: 'uid-of-app-0', labels: { app: 'a' } },
  spec: { nodeName: 'n1' },
  status: { phase: 'Running', containerStatuses: [running] },
};
const read = {
  name: 'app-0',
  uid: 'uid-of-app-0',
  nodeName: 'n1',
  phase: 'Running',
  deleting: false,
  mayRun: true,
};

const refusals = [401, 403, 422, 500];

describe('reading a Pod', () => {
  it('gives what the protocol knows of it', async () => {
    transport.reply(200, stored);
    await expect(getPod(api, 'prod', 'app-0')).resolves.toEqual(read);
    expect(transport.requests).toEqual([{ method: 'GET', path, query: expect.anything() }]);
  });

  it('gives what else was wanted of it', async () => {
    transport.reply(200, stored);
    const kindOf = ({ kind }: Readonly<Record<string, unknown>>) => String(kind);
    await expect(getPod(api, 'prod', 'app-0', undefined, kindOf)).resolves.toBe('Pod');
  });

  it('tells that it is absent', async () => {
    transport.refuse(404);
    await expect(getPod(api, 'prod', 'app-0')).resolves.toBe('absent');
  });

  it.each(refusals)('fails with a %i', async (status) => {
    transport.refuse(status);
    await expect(getPod(api, 'prod', 'app-0')).rejects.toMatchObject({ status });
  });

  it('ends with the signal', async () => {
    transport.hang();
    const controller = new AbortController();
    const reading = getPod(api, 'prod', 'app-0', controller.signal);
    await settled();
    controller.abort(new Error('the reason'));
    await expect(reading).rejects.toThrow('the reason');
  });
});

describe('deleting a Pod by force', () => {
  it('deletes exactly this one, without waiting for its kubelet', async () => {
    transport.reply(200, stored);
    await expect(forceDeletePod(api, 'prod', read)).resolves.toBeUndefined();
    expect(transport.requests).toEqual([
      {
        method: 'DELETE',
        path,
        query: expect.anything(),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          gracePeriodSeconds: 0,
          preconditions: { uid: 'uid-of-app-0' },
        },
      },
    ]);
  });

  it.each([404, 409])('is content with a %i: it is gone, or another', async (status) => {
    transport.refuse(status);
    await expect(forceDeletePod(api, 'prod', read)).resolves.toBeUndefined();
  });

  it.each(refusals)('fails with a %i', async (status) => {
    transport.refuse(status);
    await expect(forceDeletePod(api, 'prod', read)).rejects.toMatchObject({ status });
  });

  it('ends with the signal', async () => {
    transport.hang();
    const controller = new AbortController();
    const deleting = forceDeletePod(api, 'prod', read, controller.signal);
    await settled();
    controller.abort(new Error('the reason'));
    await expect(deleting).rejects.toThrow('the reason');
  });
});

describe('a Pod that is read', () => {
  const metadata = { name: 'app-0', uid: 'u' };
  const withStatus = (status: unknown) => toPod({ metadata, status });

  it('may have nothing but a name and a UID', () => {
    expect(toPod({ metadata })).toStrictEqual({
      ...metadata,
      phase: 'Unknown',
      deleting: false,
      mayRun: true,
    });
  });

  it.each([
    {},
    { metadata: [] },
    { metadata: { name: 'app-0' } },
    { metadata: { uid: 'u' } },
    { metadata: { name: '', uid: 'u' } },
    { metadata: { name: 'app-0', uid: '' } },
    { metadata: { name: 'app-0', uid: 7 } },
    Object.create({ metadata }) as object,
  ])('is none without them: %j', (json) => {
    expect(() => toPod(json as Record<string, unknown>)).toThrow(new Error('the answer is no Pod'));
  });

  it('is being deleted once it has a timestamp', () => {
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(toPod({ metadata: { ...metadata, deletionTimestamp } }).deleting).toBe(true);
  });

  it('may say why it is in its phase', () => {
    expect(withStatus({ phase: 'Failed', reason: 'Evicted' })).toMatchObject({
      phase: 'Failed',
      reason: 'Evicted',
    });
  });

  it.each(['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'])(
    'may run while one of its %s does',
    (statuses) => {
      const of = (...list: unknown[]) =>
        withStatus({ containerStatuses: [terminated], [statuses]: list }).mayRun;
      expect(of(running)).toBe(true);
      expect(of(terminated, running)).toBe(true);
      expect(of(terminated, terminated)).toBe(false);
      expect(of({ state: { waiting: { reason: 'CrashLoopBackOff' } } })).toBe(false);
      expect(of({ state: { running: {} } })).toBe(true);
      expect(of({ state: { running: null } })).toBe(false);
      expect(of({ state: { running: true } }, {}, null, 7, 'running', [running])).toBe(false);
      expect(of({ state: Object.create({ running: {} }) as object })).toBe(false);
    },
  );

  it.each([
    ['no status at all', null],
    ['none of its containers', { initContainerStatuses: [terminated] }],
    ['none of its containers any more', { phase: 'Failed', containerStatuses: [] }],
    ['its containers as something else than a list', { containerStatuses: running }],
  ])('may run where it has %s: that is no evidence', (_, status) => {
    expect(withStatus(status).mayRun).toBe(true);
  });

  it.each([
    ['a terminal phase and no status of any container', {}, 'finishing'],
    [
      'a terminal phase, whatever its init containers did',
      { initContainerStatuses: [terminated] },
      'finishing',
    ],
    [
      'a terminal phase, and its containers have terminated',
      { containerStatuses: [terminated] },
      'finished',
    ],
  ])('with %s has ended only if that is known of its containers', (_, statuses, liveness) => {
    const found = withStatus({ phase: 'Failed', reason: 'NodeAffinity', ...statuses });
    expect(livenessOf({ of: metadata, found })).toBe(liveness);
  });

  it('does not run because something else is said to', () => {
    const status = { containerStatuses: [terminated], otherStatuses: [running] };
    expect(withStatus(status).mayRun).toBe(false);
  });
});

describe('the path of Pods', () => {
  it('is that of their namespace', () => {
    expect(podsPath('prod')).toBe('/api/v1/namespaces/prod/pods');
  });
});

describe('a Pod that cannot be', () => {
  const hostile = ['a b', '../secrets/token', 'a?watch=true', 'a\nb', '\u202e', 'A', ''];

  it.each(hostile)('has a name that is none, %j: no path is made of it', (name) => {
    const metadata = { ...stored.metadata, name };
    expect(() => toPod({ ...stored, metadata })).toThrow('the answer is no Pod');
  });

  it.each(hostile)('is on a node whose name is none, %j: no path is made of it', (nodeName) => {
    expect(toPod({ ...stored, spec: { nodeName } }).nodeName).toBeUndefined();
  });

  it('is not the one that was asked for', async () => {
    transport.reply(200, { ...stored, metadata: { ...stored.metadata, name: 'app-1' } });
    await expect(getPod(api, 'prod', 'app-0')).rejects.toThrow(NoAnswerError);
  });
});
