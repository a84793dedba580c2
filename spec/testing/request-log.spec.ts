import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, LEASES, PODS, simulated } from './support.ts';

describe('the record of requests', () => {
  it('says of each who wanted what, when, and what came of it', async () => {
    const { cluster, clock, send } = await simulated();
    await clock.advance(500);
    await send('GET', `${CONFIG_MAPS}/a`, undefined, { user: 'bob' });
    expect([...cluster.requests]).toEqual([
      {
        time: 500,
        user: 'bob',
        verb: 'get',
        resource: 'configmaps',
        subresource: '',
        namespace: 'default',
        name: 'a',
        userAgent: 'leader-for-life',
        status: 404,
        latencyMs: 0,
      },
    ]);
  });

  it('names verbs, resources and subresources as RBAC does', async () => {
    const { cluster, send, watch } = await simulated();
    cluster.createPod('p');
    const merge = { contentType: 'application/merge-patch+json' };
    await send('PATCH', `${PODS}/p/status`, {}, merge);
    await send('PUT', `${LEASES}/l`, { metadata: { name: 'l' } });
    await send('DELETE', LEASES);
    await send('GET', '/api/v1/nodes');
    await send('GET', '/version');
    await watch(`${PODS}?fieldSelector=spec.nodeName%3Dx,metadata.name%3Dp`);
    const seen = [...cluster.requests].map(({ verb, resource, subresource, namespace, name }) =>
      [verb, resource, subresource, namespace, name].join(' '),
    );
    expect(seen).toEqual([
      'patch pods status default p',
      'update leases  default l',
      'deletecollection leases  default ',
      'list nodes   ',
      'get    ',
      'watch pods  default p',
    ]);
  });

  it('counts and filters by any of it', async () => {
    const { cluster, send } = await simulated();
    await send('GET', CONFIG_MAPS, undefined, { user: 'bob' });
    await send('POST', CONFIG_MAPS, { metadata: { name: 'a' } });
    await send('POST', CONFIG_MAPS, { metadata: { name: 'a' } });
    const { requests } = cluster;
    expect(requests.length).toBe(3);
    expect(requests.count()).toBe(3);
    expect(requests.count({ user: 'bob' })).toBe(1);
    expect(requests.count({ verb: 'create', resource: 'configmaps' })).toBe(2);
    expect(requests.count({ verb: ['create', 'list'] })).toBe(3);
    expect(requests.count({ status: 409 })).toBe(1);
    expect(requests.count({ namespace: 'other' })).toBe(0);
    expect(requests.count({ name: 'a' })).toBe(0);
    expect(requests.count({ subresource: 'status' })).toBe(0);
    expect(requests.filter({ status: 201 })).toMatchObject([{ verb: 'create' }]);
    requests.clear();
    expect(requests.length).toBe(0);
  });
});
