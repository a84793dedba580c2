import { expect } from 'vitest';

import { type ContractTest, fresh, stored } from './space.ts';
import type { WatchEvent } from './wire.ts';

const some = expect.stringMatching(/^\d+$/) as string;
const none = () => `configmaps/${fresh('none')}`;
const bookmark = (more: object = {}) => ({
  type: 'BOOKMARK',
  object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: some, ...more } },
});

/** A watch of one object by its name: what its stream says, and when. */
export function watching(it: ContractTest): void {
  it('the head of a watch comes before any event', async ({ space }) => {
    const watch = await space.watchOne(none());
    expect(watch.headers['content-type']).toBe('application/json');
    expect(watch.events).toEqual([]);
  });

  it('a watch without a version shows what is there, then changes', async ({ space }) => {
    const { name, path, uid, resourceVersion } = await space.configMap();
    const watch = await space.watchOne(path);
    const [added] = await watch.first(1, space.patience);
    const type = { kind: 'ConfigMap', apiVersion: 'v1' };
    const object = { ...type, metadata: { name, uid, resourceVersion } };
    expect(added).toMatchObject({ type: 'ADDED', object });

    const data = { key: 'value' };
    const changed = await space.patch(path, { data });
    await space.delete(path);
    const again = await space.configMap({ name });
    const [, modified, deleted, created] = await watch.first(4, space.patience);
    expect(modified).toEqual({ type: 'MODIFIED', object: changed.body });
    const last = { kind: 'ConfigMap', metadata: { name, uid }, data };
    expect(deleted).toMatchObject({ type: 'DELETED', object: last });
    expect(versionOf(deleted)).toBeGreaterThan(versionOf(modified));
    expect(created).toMatchObject({ type: 'ADDED', object: { metadata: { uid: again.uid } } });
    expect(versionOf(created)).toBeGreaterThan(versionOf(deleted));
  });

  it('a watch misses nothing once its head has come', async ({ space }) => {
    for (let time = 1; time <= 5; time += 1) {
      const name = fresh('lock');
      const watch = await space.watchOne(`configmaps/${name}`);
      await space.configMap({ name });
      expect(await space.typesOf(watch, 1)).toEqual(['ADDED']);
    }
  });

  it('a watch of a version shows what came later', async ({ space }) => {
    const { path, resourceVersion } = await space.configMap();
    const first = await space.patch(path, { data: { key: '1' } });
    const second = await space.patch(path, { data: { key: '2' } });
    await space.delete(path);

    const watch = await space.watchOne(path, { resourceVersion });
    const events = await watch.first(3, space.patience);
    expect(events.map(({ type }) => type)).toEqual(['MODIFIED', 'MODIFIED', 'DELETED']);
    expect(events.slice(0, 2).map(({ object }) => object)).toEqual([first.body, second.body]);

    const later = { resourceVersion: stored(second).resourceVersion };
    const late = await space.watchOne(path, later);
    expect(await space.typesOf(late, 1)).toEqual(['DELETED']);
  });

  it('a watch of a version that is too old is told so, 410, and ends', async ({
    cluster,
    skip,
    space,
  }) => {
    skip(cluster.confined !== undefined, cluster.confined);
    const { path, resourceVersion } = await cluster.tooOld();
    const watch = await space.watch(path, { resourceVersion });
    const message = expect.stringMatching(/^too old resource version: 1 \(\d+\)$/) as string;
    const type = { kind: 'Status', apiVersion: 'v1', metadata: {} };
    const expired = { ...type, status: 'Failure', message, reason: 'Expired', code: 410 };
    expect(await watch.all(space.patience)).toEqual([{ type: 'ERROR', object: expired }]);
  });

  it('a bookmark says that a watch has shown all that is there', async ({ space }) => {
    const { path } = await space.configMap();
    const watch = await space.watchOne(path, { allowWatchBookmarks: 'true' });
    const [added, second] = await watch.first(2, space.patience);
    expect(added?.type).toBe('ADDED');
    expect(second).toEqual(bookmark({ annotations: { 'k8s.io/initial-events-end': 'true' } }));
  });

  it('a silent watch gets a bookmark, and resumes at its version', async ({ space }) => {
    const { path, resourceVersion } = await space.configMap();
    const query = { allowWatchBookmarks: 'true', timeoutSeconds: '3000' };
    const watch = await space.watchOne(path, { ...query, resourceVersion });
    // So that there is something newer to bear witness to.
    await space.configMap();
    const [first] = await watch.first(1, space.patience);
    expect(first).toEqual(bookmark());

    await space.delete(path);
    const { resourceVersion: seen = '' } = first?.object.metadata ?? {};
    const resumed = await space.watchOne(path, { resourceVersion: seen });
    expect(await space.typesOf(resumed, 1)).toEqual(['DELETED']);
  });

  it('a watch gets no bookmarks unasked', async ({ space }) => {
    const { path } = await space.configMap();
    const watch = await space.watchOne(path, { timeoutSeconds: '2' });
    expect((await watch.all(space.patience)).map(({ type }) => type)).toEqual(['ADDED']);
  });

  it.for([undefined, '/api/v1/namespaces/there-is-no-such-namespace/configmaps/lock'])(
    'a watch ends in good order after timeoutSeconds (%s)',
    async (path, { space }) => {
      const watch = await space.watchOne(path ?? none(), { timeoutSeconds: '1' });
      expect(await watch.all(space.patience)).toEqual([]);
    },
  );

  it('a watch by name shows that object only', async ({ space }) => {
    const name = fresh('lock');
    const other = await space.configMap();
    const watch = await space.watchOne(`configmaps/${name}`);
    await space.patch(other.path, { data: { key: 'value' } });
    await space.delete(other.path);
    const { uid } = await space.configMap({ name });
    const [event] = await watch.first(1, space.patience);
    expect(event).toMatchObject({ type: 'ADDED', object: { metadata: { name, uid } } });
  });

  it('what leaves a selection is DELETED, and ADDED when it returns', async ({ space }) => {
    const label = fresh('in');
    const { path } = await space.configMap({ labels: { [label]: 'yes' } });
    const watch = await space.watch('configmaps', { labelSelector: `${label}=yes` });
    const set = (value: string) => space.patch(path, { metadata: { labels: { [label]: value } } });
    const out = await set('no');
    await space.patch(path, { data: { unseen: 'yes' } });
    await set('yes');
    expect(await space.typesOf(watch, 3)).toEqual(['ADDED', 'DELETED', 'ADDED']);
    const [, left, returned] = watch.events;
    // As it was while it was selected, but with the version of its leaving.
    const { resourceVersion } = stored(out);
    expect(left?.object.metadata).toMatchObject({ labels: { [label]: 'yes' }, resourceVersion });
    expect(returned?.object.data).toEqual({ unseen: 'yes' });
  });

  it('what has finalizers is MODIFIED when deleted, DELETED when gone', async ({ space }) => {
    const { path } = await space.configMap({ finalizers: ['example.com/a'] });
    const watch = await space.watchOne(path);
    await space.destroy(path);
    const object = { metadata: { deletionTimestamp: expect.any(String) as string } };
    const [, modified, deleted] = await watch.first(3, space.patience);
    expect(modified).toMatchObject({ type: 'MODIFIED', object });
    expect(deleted).toMatchObject({ type: 'DELETED', object });
  });
}

function versionOf(event: WatchEvent | undefined): bigint {
  return BigInt(event?.object.metadata?.resourceVersion ?? '0');
}
