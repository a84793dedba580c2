import { describe, expect } from 'vitest';

import type { Api } from '../../lib/kubernetes/api.ts';
import { ConfigMapLock } from '../../lib/kubernetes/config-map-lock.ts';
import { countReplicas, leavingReplicas } from '../../lib/kubernetes/crowd.ts';
import { createEvent } from '../../lib/kubernetes/event.ts';
import { Lease } from '../../lib/kubernetes/lease.ts';
import { getNode } from '../../lib/kubernetes/node.ts';
import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { forceDeletePod, getPod } from '../../lib/kubernetes/pod.ts';
import type { Lock, Pod } from '../../lib/protocol/model.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';
import { it } from './scripted.ts';

const options = { namespace: 'prod', name: 'x', labels: {}, annotations: {} };
const record = { holderIdentity: 'a', leaseTransitions: 0 } as Parameters<Lease['create']>[0];
const version = { record, resourceVersion: '7', uid: 'u', object: {} };
const pod = { name: 'x', uid: 'u' } as Pod;
const stored = { uid: 'u', resourceVersion: '7' } as Lock;
const subject = { kind: 'Lease', metadata: options };

const targets = (api: Api) => ({
  api,
  lock: new ConfigMapLock(api, options),
  lease: new Lease(api, options),
});
type Send = (to: ReturnType<typeof targets>, signal: AbortSignal) => Promise<unknown>;

/** What a refusal means to the caller, by its status; all others reject. */
type Meanings = Readonly<Record<string, unknown>>;

const exists = '409 AlreadyExists';
const objects: [string, Send, Meanings][] = [
  ['ConfigMapLock.get', ({ lock }, signal) => lock.get(signal), { 404: undefined }],
  ['ConfigMapLock.create', ({ lock }, s) => lock.create(pod, 'a', [], s), { [exists]: 'exists' }],
  [
    'ConfigMapLock.release',
    ({ lock }, signal) => lock.release(stored, signal),
    { 404: 'changed', 409: 'changed', 422: 'changed' },
  ],
  ['ConfigMapLock.delete', ({ lock }, s) => lock.delete(stored, s), { 404: false, 409: false }],
  ['getPod', ({ api }, signal) => getPod(api, 'prod', 'x', signal), { 404: 'absent' }],
  [
    'forceDeletePod',
    ({ api }, signal) => forceDeletePod(api, 'prod', pod, signal),
    { 404: undefined, 409: undefined },
  ],
  ['getNode', ({ api }, signal) => getNode(api, 'x', signal), { 404: 'absent' }],
  ['Lease.get', ({ lease }, signal) => lease.get(signal), { 404: undefined }],
  ['Lease.create', ({ lease }, s) => lease.create(record, s), { [exists]: 'conflict' }],
  [
    'Lease.update',
    ({ lease }, signal) => lease.update(version, record, signal),
    { 404: 'conflict', 409: 'conflict' },
  ],
  ['createEvent', ({ api }) => createEvent(api, new ManualClock(), subject, 'x'), {}],
];
const lists: [string, Send, Meanings][] = [
  ['countReplicas', ({ api }, signal) => countReplicas(api, 'prod', 'app=a', signal), {}],
  ['countReplicas of all', ({ api }, signal) => countReplicas(api, 'prod', '', signal), {}],
  ['leavingReplicas', ({ api }, signal) => leavingReplicas(api, 'prod', '', signal), {}],
];

describe.for([...objects, ...lists])('%s', ([name, send, meanings]) => {
  const { signal } = new AbortController();

  it.for(Object.entries(meanings))(
    'takes a %s for %s',
    async ([key, meaning], { api, transport }) => {
      const [status, reason] = key.split(' ');
      transport.refuse(Number(status), reason === undefined ? {} : { reason });
      expect(await send(targets(api), signal)).toBe(meaning);
    },
  );

  // Nothing in a 404 or 409 would name a list.
  const statuses = [401, 403, 422, 429, 500, ...(name.includes('Replicas') ? [] : [404, 409])];
  it.for(statuses.filter((status) => !(status in meanings)))(
    'rejects with a %i',
    async (status, { api, transport }) => {
      transport.refuse(status);
      const sent = send(targets(api), signal);
      await expect(sent).rejects.toBeInstanceOf(ApiError);
      await expect(sent).rejects.toMatchObject({ status });
    },
  );

  it('takes another object, or none, for no answer', async ({ api, transport }) => {
    transport.reply(200, { apiVersion: 'v1', kind: 'Secret', metadata: options }).reply(200, {});
    await expect(send(targets(api), signal)).rejects.toThrow(NoAnswerError);
    await expect(send(targets(api), signal)).rejects.toThrow(NoAnswerError);
  });

  it.skipIf(name === 'createEvent')('ends with its signal', async ({ api, transport }) => {
    transport.hang();
    const controller = new AbortController();
    const sent = send(targets(api), controller.signal);
    await settled();
    controller.abort('the reason');
    await expect(sent).rejects.toBe('the reason');
  });
});
