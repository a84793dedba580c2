import { expect, test, type TestContext } from 'vitest';

import { failure, fresh, Space } from './space.ts';

const ONLY_METADATA = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/** Lists, as the library counts Pods by them. */
export function reading(space: () => Space, own: (context: TestContext) => Promise<Space>): void {
  test('a list of one says how many remain, unless a label selects', async (context) => {
    const { admin, pods, name } = await own(context).then(async (created) => {
      for (const pod of ['a', 'b', 'c']) await created.pod(pod, { labels: { app: 'x' } });
      return created;
    });
    const all = await admin.send('GET', `${pods}?limit=1`);
    expect(all).toMatchObject({
      status: 200,
      body: {
        kind: 'PodList',
        apiVersion: 'v1',
        metadata: { remainingItemCount: 2, continue: expect.stringMatching(/./) },
      },
    });
    expect(all.body.items?.map((item) => item.metadata?.name)).toEqual(['a']);
    expect(all.body.items?.[0]?.metadata?.namespace).toBe(name);

    const selected = await admin.send('GET', `${pods}?limit=1&labelSelector=app%3Dx`);
    expect(selected.body.items).toHaveLength(1);
    expect(selected.body.metadata?.continue).toMatch(/./);
    expect(selected.body.metadata?.remainingItemCount).toBeUndefined();

    const rest = await admin.send(
      'GET',
      `${pods}?limit=5&continue=${encodeURIComponent(all.body.metadata?.continue ?? '')}`,
    );
    expect(rest.body.items?.map((item) => item.metadata?.name)).toEqual(['b', 'c']);
    expect(rest.body.metadata?.continue ?? '').toBe('');
    expect(rest.body.metadata?.remainingItemCount).toBeUndefined();
  });

  test('a list that is complete names nothing to go on with', async () => {
    const { admin, configMaps } = space();
    const label = fresh('listed');
    const names = [fresh('a'), fresh('b')];
    for (const name of names) await space().configMap(name, { labels: { [label]: 'yes' } });
    await space().configMap(fresh('c'), { labels: { [label]: 'no' } });
    const selector = encodeURIComponent(`${label}=yes`);
    const answer = await admin.send('GET', `${configMaps}?labelSelector=${selector}&limit=50`);
    expect(answer.body.items?.map((item) => item.metadata?.name)).toEqual(names.toSorted());
    expect(answer.body.metadata).toEqual({ resourceVersion: expect.stringMatching(/^\d+$/) });
  });

  test('a list of metadata only is asked for by Accept', async () => {
    const { admin, pods } = space();
    const label = fresh('listed');
    const { name, uid } = await space().pod(fresh('pod'), { labels: { [label]: 'yes' } });
    const path = `${pods}?labelSelector=${encodeURIComponent(`${label}=yes`)}`;
    const answer = await admin.send('GET', path, { accept: ONLY_METADATA });
    expect(answer).toMatchObject({
      status: 200,
      body: { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' },
    });
    const [item] = answer.body.items ?? [];
    expect(item).toMatchObject({ metadata: { name, uid, labels: { [label]: 'yes' } } });
    expect(item).not.toHaveProperty('spec');
    expect(item).not.toHaveProperty('status');
  });

  test('a list by name is that object, or nothing', async () => {
    const { admin, configMaps } = space();
    const { name } = await space().configMap(fresh('lock'));
    const list = (wanted: string) =>
      admin.send('GET', `${configMaps}?fieldSelector=metadata.name%3D${wanted}`);
    const found = await list(name);
    expect(found.body.items?.map((item) => item.metadata?.name)).toEqual([name]);
    expect((await list(fresh('none'))).body.items).toEqual([]);
  });

  test('a list that is as new as nothing yet is refused, with a time to come back', async () => {
    const { admin, configMaps } = space();
    const answer = await admin.send('GET', `${configMaps}?resourceVersion=999999999`);
    expect(answer.status).toBe(504);
    expect(answer.headers['retry-after']).toBe('1');
    const { message = '' } = answer.body;
    expect(message).toMatch(/^Timeout: Too large resource version: 999999999, current: \d+$/);
    expect(answer.body).toEqual(
      failure(504, 'Timeout', message, {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      }),
    );
  });
}
