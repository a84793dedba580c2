import { expect } from 'vitest';
import { CONFIG_MAPS, LEASES, merge, named, PODS, it } from './support.ts';

it('cluster.requests has each request in full', async ({ cluster, clock, send }) => {
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

it('cluster.requests names verbs and resources as RBAC does', async ({ cluster, send, watch }) => {
  cluster.createPod('p');
  await send('PATCH', `${PODS}/p/status`, {}, merge);
  await send('PUT', `${LEASES}/l`, named('l'));
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

it('cluster.requests counts and filters by any field', async ({ cluster, send }) => {
  await send('GET', CONFIG_MAPS, undefined, { user: 'bob' });
  for (let time = 1; time <= 2; time += 1) await send('POST', CONFIG_MAPS, named('a'));
  const { requests } = cluster;
  const counts = [
    [undefined, 3],
    [{ user: 'bob' }, 1],
    [{ verb: 'create', resource: 'configmaps' }, 2],
    [{ verb: ['create', 'list'] }, 3],
    [{ status: 409 }, 1],
    [{ namespace: 'other' }, 0],
    [{ name: 'a' }, 0],
    [{ subresource: 'status' }, 0],
  ] as const;
  for (const [match, count] of counts)
    expect([match, requests.count(match)]).toEqual([match, count]);
  expect(requests.filter({ status: 201 })).toMatchObject([{ verb: 'create' }]);
  expect(requests.length).toBe(3);
  requests.clear();
  expect(requests.length).toBe(0);
});
