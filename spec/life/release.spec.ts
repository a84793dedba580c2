import { beforeEach, describe, expect, it } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { ConfigMapLock } from '../../lib/kubernetes/config-map-lock.ts';
import type { ApiError } from '../../lib/kubernetes/outcome.ts';
import type { ApiRequest, Transport } from '../../lib/kubernetes/transport.ts';
import type { Lock } from '../../lib/protocol/model.ts';
import { release } from '../../lib/life/release.ts';
import {
  type Cluster,
  type FaultRule,
  SimulatedClock,
  createCluster,
} from '../../lib/testing/index.ts';
import { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';

const collection = '/api/v1/namespaces/default/configmaps';
const path = `${collection}/lock`;

let clock: SimulatedClock;
let cluster: Cluster;
let sent: ApiRequest[];
let unmarked: ApiError[];
let unconfirmed: UnconfirmedEnds;
let store: ConfigMapLock;
let api: Api;
let held: Lock;
let podUid: string;

beforeEach(async () => {
  clock = new SimulatedClock({ seed: 1 });
  cluster = await createCluster({ clock, http: false });
  podUid = cluster.createPod('a').metadata.uid;
  sent = [];
  unmarked = [];
  unconfirmed = new UnconfirmedEnds();
  const transport = cluster.transport({ user: 'a' });
  const recording: Transport = {
    send: (request, ...rest) => {
      sent.push(request);
      return transport.send(request, ...rest);
    },
    close: () => {
      transport.close();
    },
  };
  api = new Api(recording, clock);
  const options = { namespace: 'default', name: 'lock', labels: {}, annotations: {} };
  store = new ConfigMapLock(api, options);
  held = (await finished(store.create({ name: 'a', uid: podUid }, 'attempt'))) as Lock;
  sent.length = 0;
});

async function finished<T>(promise: Promise<T>): Promise<T> {
  let done = false;
  const mark = () => {
    done = true;
  };
  promise.then(mark, mark);
  await clock.runUntil(() => done, 60_000);
  return promise;
}

function giveUp(lock = held): Promise<Lock | undefined> {
  const onUnmarked = (error: ApiError) => unmarked.push(error);
  return finished(release({ api, lock: store, unconfirmed, onUnmarked }, lock, podUid));
}

function strike(verb: 'patch' | 'delete' | 'get', fault: FaultRule) {
  return cluster.faults.add({ user: 'a', resource: 'configmaps', verb, ...fault });
}

const methods = () => sent.map(({ method }) => method);
const stored = () => cluster.getConfigMap('lock');

describe('releasing a lock', () => {
  it('marks exactly this version, then deletes exactly the version that is marked', async () => {
    let version = '';
    cluster.onChange(({ after }) => {
      version = after?.metadata.resourceVersion ?? version;
    });
    await giveUp();
    const { uid, resourceVersion } = held;
    const annotations = { 'leader-for-life/released': 'true' };
    expect(sent).toMatchObject([
      {
        method: 'PATCH',
        path,
        contentType: 'application/merge-patch+json',
        body: { metadata: { uid, resourceVersion, annotations } },
      },
      { method: 'DELETE', path, body: { preconditions: { uid, resourceVersion: version } } },
    ]);
    expect(BigInt(version)).toBeGreaterThan(BigInt(resourceVersion));
    expect(stored()).toBeUndefined();
    expect(unmarked).toEqual([]);
  });

  it('does not mark it again if it is marked', async () => {
    await giveUp({ ...held, released: true });
    expect(methods()).toEqual(['DELETE']);
  });

  it('deletes it unmarked where it must not be marked, and tells so once', async () => {
    strike('patch', { error: { status: 403 } });
    strike('delete', { times: 1, error: { status: 409 } });
    await giveUp();
    expect(methods()).toEqual(['PATCH', 'DELETE', 'GET', 'DELETE']);
    expect(unmarked).toMatchObject([{ status: 403 }]);
    expect(stored()).toBeUndefined();
  });

  it('marks and deletes it in whichever version it is', async () => {
    const labels = { metadata: { labels: { team: 'x' } } };
    cluster.request('PATCH', path, labels, 'application/merge-patch+json');
    await giveUp();
    expect(methods()).toEqual(['PATCH', 'GET', 'PATCH', 'DELETE']);
    expect(stored()).toBeUndefined();
    expect(unmarked).toEqual([]);
  });

  it('goes on without the mark where a patch is refused for what it is not', async () => {
    strike('patch', { error: { status: 409 } });
    await giveUp();
    expect(methods()).toEqual(['PATCH', 'GET', 'DELETE']);
    expect(stored()).toBeUndefined();
  });

  it('is content if it is gone', async () => {
    cluster.deleteConfigMap('lock');
    await giveUp();
    expect(methods()).toEqual(['PATCH', 'GET']);
  });

  it('leaves the lock of anybody else alone, though it has its name', async () => {
    cluster.deleteConfigMap('lock');
    const other = cluster.createPod('b');
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'b', uid: other.metadata.uid };
    cluster.createConfigMap('lock', { metadata: { ownerReferences: [owner] } });
    await giveUp();
    expect(stored()?.metadata.ownerReferences).toMatchObject([{ name: 'b' }]);
    expect(methods()).toEqual(['PATCH', 'GET']);
  });

  it('leaves its own later lock alone: that is another tenure', async () => {
    cluster.deleteConfigMap('lock');
    await finished(store.create({ name: 'a', uid: podUid }, 'another attempt'));
    await giveUp();
    expect(stored()).toBeDefined();
  });

  it.each(['patch', 'delete'] as const)(
    'tries again when the answer to its %s is lost',
    async (verb) => {
      strike(verb, { when: 'after', reset: true, times: 1 });
      await giveUp();
      expect(stored()).toBeUndefined();
      expect(unconfirmed.has(held.uid)).toBe(false);
    },
  );

  it.each(['patch', 'delete'] as const)(
    'fails when there is no answer to its %s for long, and knows that the lock may go',
    async (verb) => {
      strike(verb, { hang: true });
      const startedMs = clock.now();
      await expect(giveUp()).rejects.toThrow(/no answer within/);
      expect(clock.now() - startedMs).toBeLessThan(26_000);
      expect(unconfirmed.has(held.uid)).toBe(true);
    },
  );
});
