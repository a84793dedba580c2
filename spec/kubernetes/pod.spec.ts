import { describe, expect } from 'vitest';

import { forceDeletePod, getPod, podsPath, toPod } from '../../lib/kubernetes/pod.ts';
import { livenessOf } from '../../lib/protocol/model.ts';
import { it } from './scripted.ts';

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

describe('getPod', () => {
  it('reads what the protocol decides by', async ({ api, transport }) => {
    transport.reply(200, stored);
    await expect(getPod(api, 'prod', 'app-0')).resolves.toEqual(read);
    expect(transport.requests).toEqual([{ method: 'GET', path, query: expect.anything() }]);
    expect(`${podsPath('prod')}/app-0`).toBe(path);
  });

  it('reads what else the caller asks for', async ({ api, transport }) => {
    transport.reply(200, stored);
    const kindOf = ({ kind }: Readonly<Record<string, unknown>>) => String(kind);
    await expect(getPod(api, 'prod', 'app-0', undefined, kindOf)).resolves.toBe('Pod');
  });
});

it('forceDeletePod deletes one UID, with a grace period of 0', async ({ api, transport }) => {
  transport.reply(200, stored);
  await expect(forceDeletePod(api, 'prod', read)).resolves.toBeUndefined();
  const preconditions = { uid: 'uid-of-app-0' };
  const options = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions };
  expect(transport.requests).toEqual([
    { method: 'DELETE', path, query: expect.anything(), body: options },
  ]);
});

describe('a Pod that is read', () => {
  const metadata = { name: 'app-0', uid: 'u' };
  const withStatus = (status: unknown) => toPod({ metadata, status });
  const hostile = ['a b', '../secrets/token', 'a?watch=true', 'a\nb', '\u202e', 'A', ''];

  it('needs nothing but a name and a UID', () => {
    const rest = { phase: 'Unknown', deleting: false, mayRun: true };
    expect(toPod({ metadata })).toStrictEqual({ ...metadata, ...rest });
  });

  it.for<unknown>([
    {},
    { metadata: [] },
    { metadata: { name: 'app-0' } },
    { metadata: { uid: 'u' } },
    { metadata: { name: 'app-0', uid: '' } },
    { metadata: { name: 'app-0', uid: 7 } },
    Object.create({ metadata }),
    ...hostile.map((name) => ({ ...stored, metadata: { name, uid: 'u' } })),
  ])('is no Pod without a valid name and a UID: %j', (json) => {
    expect(() => toPod(json as Record<string, unknown>)).toThrow(new Error('the answer is no Pod'));
  });

  it.for(hostile)('is on no node of an invalid name: %j', (nodeName) => {
    expect(toPod({ ...stored, spec: { nodeName } }).nodeName).toBeUndefined();
  });

  it('is being deleted once it has a deletionTimestamp', () => {
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(toPod({ metadata: { ...metadata, deletionTimestamp } }).deleting).toBe(true);
  });

  it('has the reason of its phase', () => {
    const evicted = { phase: 'Failed', reason: 'Evicted' };
    expect(withStatus(evicted)).toMatchObject(evicted);
  });

  it.for(['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'])(
    'may run while one of its %s is running',
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

  it.for<[string, unknown, boolean]>([
    ['no status at all', null, true],
    ['the status of an init container only', { initContainerStatuses: [terminated] }, true],
    ['an empty list of statuses', { phase: 'Failed', containerStatuses: [] }, true],
    ['statuses that are no list', { containerStatuses: running }, true],
    [
      'statuses under an unknown key',
      { containerStatuses: [terminated], otherStatuses: [running] },
      false,
    ],
  ])('with %s: whether it may run', ([, status, mayRun]) => {
    expect(withStatus(status).mayRun).toBe(mayRun);
  });

  it.for<[string, object, string]>([
    ['no container status', {}, 'finishing'],
    ['an ended init container', { initContainerStatuses: [terminated] }, 'finishing'],
    ['ended containers', { containerStatuses: [terminated] }, 'finished'],
  ])('LIFE-4: in a terminal phase with %s is %3$s', ([, statuses, liveness]) => {
    const found = withStatus({ phase: 'Failed', reason: 'NodeAffinity', ...statuses });
    expect(livenessOf({ of: metadata, found })).toBe(liveness);
  });
});
