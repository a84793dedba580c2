import { expect } from 'vitest';

import { type ContractTest, fresh, refused, type Space } from './space.ts';
import type { Answer } from './wire.ts';

const ONLY_METADATA = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const namesIn = ({ body }: Answer) => body.items?.map((item) => item.metadata?.name);
const labelled = (label: string) => `labelSelector=${encodeURIComponent(`${label}=yes`)}`;

/** Lists, as the library counts Pods by them. */
export function reading(it: ContractTest): void {
  it('a page of a list says how many remain, unless a label selects', async ({ own }) => {
    for (const name of ['a', 'b', 'c']) await own.pod({ name, labels: { app: 'yes' } });
    const all = await own.get('pods?limit=1');
    const token = expect.stringMatching(/./) as string;
    const metadata = { remainingItemCount: 2, continue: token };
    expect(all).toMatchObject({
      status: 200,
      body: { kind: 'PodList', apiVersion: 'v1', metadata },
    });
    expect(namesIn(all)).toEqual(['a']);
    expect(all.body.items?.[0]?.metadata?.namespace).toBe(own.name);

    const selected = await own.get(`pods?limit=1&${labelled('app')}`);
    expect(namesIn(selected)).toHaveLength(1);
    expect(selected.body.metadata?.continue).toMatch(/./);
    expect(selected.body.metadata?.remainingItemCount).toBeUndefined();

    const next = encodeURIComponent(all.body.metadata?.continue ?? '');
    const rest = await own.get(`pods?limit=5&continue=${next}`);
    expect(namesIn(rest)).toEqual(['b', 'c']);
    expect(rest.body.metadata?.continue ?? '').toBe('');
    expect(rest.body.metadata?.remainingItemCount).toBeUndefined();
  });

  it('a list that is complete has no continue', async ({ space }) => {
    const label = fresh('listed');
    const create = async (value: string) =>
      (await space.configMap({ labels: { [label]: value } })).name;
    const names = [await create('yes'), await create('yes')];
    await create('no');
    const answer = await space.get(`configmaps?${labelled(label)}&limit=50`);
    expect(namesIn(answer)).toEqual(names.toSorted());
    expect(answer.body.metadata).toEqual({ resourceVersion: expect.stringMatching(/^\d+$/) });
  });

  it('a list is of metadata only if Accept says so', async ({ space }) => {
    const label = fresh('listed');
    const { name, uid } = await space.pod({ labels: { [label]: 'yes' } });
    const answer = await space.get(`pods?${labelled(label)}`, { accept: ONLY_METADATA });
    const body = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' };
    expect(answer).toMatchObject({ status: 200, body });
    const [item] = answer.body.items ?? [];
    expect(item).toMatchObject({ metadata: { name, uid, labels: { [label]: 'yes' } } });
    expect(item).not.toHaveProperty('spec');
    expect(item).not.toHaveProperty('status');
  });

  it('a list by name is that object, or empty', async ({ space }) => {
    const { name } = await space.configMap();
    const list = async (of: Space, wanted: string) =>
      namesIn(await of.get(`configmaps?fieldSelector=metadata.name%3D${wanted}`));
    expect(await list(space, name)).toEqual([name]);
    expect(await list(space, fresh('none'))).toEqual([]);
  });

  it('a list of a version yet to come is refused, 504 and Retry-After', async ({ space }) => {
    const answer = await space.get('configmaps?resourceVersion=999999999');
    expect(answer.headers['retry-after']).toBe('1');
    const { message = '' } = answer.body;
    expect(message).toMatch(/^Timeout: Too large resource version: 999999999, current: \d+$/);
    const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
    expect(answer).toEqual(refused(504, 'Timeout', message, { causes, retryAfterSeconds: 1 }));
  });
}
