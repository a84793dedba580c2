import { expect, test } from 'vitest';

import { fresh, type Space, stored } from './space.ts';
import type { WatchEvent } from './wire.ts';

const END_OF_STATE = 'k8s.io/initial-events-end';

/** A watch of one object by its name: what its stream says, and when. */
export function watching(space: () => Space): void {
  test('the head of a watch comes before any event, even where there is nothing', async () => {
    const { configMaps } = space();
    const watch = await space().watchOne(configMaps, fresh('none'));
    expect(watch.headers['content-type']).toBe('application/json');
    expect(watch.events).toEqual([]);
    watch.close();
  });

  test('a watch without a version shows what is there, and then what changes', async () => {
    const { configMaps, admin, patience } = space();
    const { name, uid, resourceVersion } = await space().configMap(fresh('lock'));
    const watch = await space().watchOne(configMaps, name);
    const [added] = await watch.first(1, patience);
    expect(added).toMatchObject({
      type: 'ADDED',
      object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name, uid, resourceVersion } },
    });

    const changed = await space().patch(`${configMaps}/${name}`, { data: { key: 'value' } });
    await admin.send('DELETE', `${configMaps}/${name}`);
    const again = await space().configMap(name);
    const [, modified, deleted, created] = await watch.first(4, patience);
    watch.close();
    expect(modified).toEqual({ type: 'MODIFIED', object: changed.body });
    expect(deleted).toMatchObject({
      type: 'DELETED',
      object: { kind: 'ConfigMap', metadata: { name, uid }, data: { key: 'value' } },
    });
    expect(versionOf(deleted)).toBeGreaterThan(versionOf(modified));
    expect(created).toMatchObject({ type: 'ADDED', object: { metadata: { uid: again.uid } } });
    expect(versionOf(created)).toBeGreaterThan(versionOf(deleted));
  });

  test('what happens once the head has come is not missed', async () => {
    const { configMaps } = space();
    for (let time = 1; time <= 5; time += 1) {
      const name = fresh('lock');
      const watch = await space().watchOne(configMaps, name);
      await space().configMap(name);
      expect(await space().eventsOf(watch, 1)).toEqual([`ADDED ${name}`]);
      watch.close();
    }
  });

  test('a watch resumes at a version: it shows what came later, and not that again', async () => {
    const { configMaps, admin, patience } = space();
    const { name, resourceVersion } = await space().configMap(fresh('lock'));
    const path = `${configMaps}/${name}`;
    const first = await space().patch(path, { data: { key: '1' } });
    const second = await space().patch(path, { data: { key: '2' } });
    await admin.send('DELETE', path);

    const watch = await space().watchOne(configMaps, name, { resourceVersion });
    const events = await watch.first(3, patience);
    watch.close();
    expect(events.map(({ type }) => type)).toEqual(['MODIFIED', 'MODIFIED', 'DELETED']);
    expect(events.slice(0, 2).map(({ object }) => object)).toEqual([first.body, second.body]);

    const late = await space().watchOne(configMaps, name, {
      resourceVersion: stored(second).resourceVersion,
    });
    expect(await space().eventsOf(late, 1)).toEqual([`DELETED ${name}`]);
    late.close();
  });

  test('a watch from a version that is too old is told so: 410 Expired, and ends', async (context) => {
    const { admin, patience, cluster } = space();
    context.skip(cluster.confined !== undefined, cluster.confined);
    const { path, resourceVersion } = await cluster.tooOld();
    const watch = await admin.watch(path, { resourceVersion });
    expect(watch.status).toBe(200);
    const events = await watch.all(patience);
    expect(events).toEqual([
      {
        type: 'ERROR',
        object: {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Failure',
          message: expect.stringMatching(/^too old resource version: 1 \(\d+\)$/),
          reason: 'Expired',
          code: 410,
        },
      },
    ]);
  });

  test('a watch with bookmarks says when it has shown all that is there', async () => {
    const { configMaps, patience } = space();
    const { name } = await space().configMap(fresh('lock'));
    const watch = await space().watchOne(configMaps, name, { allowWatchBookmarks: 'true' });
    const [added, bookmark] = await watch.first(2, patience);
    watch.close();
    expect(added?.type).toBe('ADDED');
    expect(bookmark).toEqual({
      type: 'BOOKMARK',
      object: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: {
          resourceVersion: expect.stringMatching(/^\d+$/),
          annotations: { [END_OF_STATE]: 'true' },
        },
      },
    });
  });

  test('a silent watch with bookmarks gets one, and resumes at its version', async () => {
    const { configMaps, admin } = space();
    const { bookmarkPatienceMs } = space().cluster;
    const { name, resourceVersion } = await space().configMap(fresh('lock'));
    const query = { allowWatchBookmarks: 'true', timeoutSeconds: '3000' };
    const watch = await space().watchOne(configMaps, name, { ...query, resourceVersion });
    // So that there is something newer to bear witness to.
    await space().configMap(fresh('other'));
    const bookmark = await watch.event(({ type }) => type === 'BOOKMARK', bookmarkPatienceMs);
    expect(watch.events).toHaveLength(1);
    expect(bookmark).toEqual({
      type: 'BOOKMARK',
      object: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { resourceVersion: expect.stringMatching(/^\d+$/) },
      },
    });
    watch.close();

    await admin.send('DELETE', `${configMaps}/${name}`);
    const resumed = await space().watchOne(configMaps, name, {
      resourceVersion: bookmark.object.metadata?.resourceVersion ?? '',
    });
    expect(await space().eventsOf(resumed, 1)).toEqual([`DELETED ${name}`]);
    resumed.close();
  });

  test('a watch without bookmarks gets none', async () => {
    const { configMaps, patience } = space();
    const { name } = await space().configMap(fresh('lock'));
    const watch = await space().watchOne(configMaps, name, { timeoutSeconds: '2' });
    expect((await watch.all(patience)).map(({ type }) => type)).toEqual(['ADDED']);
  });

  test('a watch ends in good order once its timeoutSeconds are over', async () => {
    const { configMaps, patience } = space();
    const name = fresh('none');
    const watch = await space().watchOne(configMaps, name, { timeoutSeconds: '1' });
    expect(await watch.all(patience)).toEqual([]);
  });

  test('a watch by name shows that object only', async () => {
    const { configMaps } = space();
    const [name, other] = [fresh('lock'), fresh('other')];
    await space().configMap(other);
    const watch = await space().watchOne(configMaps, name);
    await space().patch(`${configMaps}/${other}`, { data: { key: 'value' } });
    await space().delete(`${configMaps}/${other}`);
    await space().configMap(name);
    expect(await space().eventsOf(watch, 1)).toEqual([`ADDED ${name}`]);
    watch.close();
  });

  test('what leaves a selection is DELETED there, and ADDED when it returns', async () => {
    const { configMaps, admin, patience } = space();
    const label = fresh('in');
    const { name } = await space().configMap(fresh('lock'), { labels: { [label]: 'yes' } });
    const watch = await admin.watch(configMaps, { labelSelector: `${label}=yes` });
    const path = `${configMaps}/${name}`;
    const out = await space().patch(path, { metadata: { labels: { [label]: 'no' } } });
    await space().patch(path, { data: { unseen: 'yes' } });
    await space().patch(path, { metadata: { labels: { [label]: 'yes' } } });
    const [added, left, returned] = await watch.first(3, patience);
    watch.close();
    expect([added, left, returned].map((event) => event?.type)).toEqual([
      'ADDED',
      'DELETED',
      'ADDED',
    ]);
    // As it was while it was selected, but with the version of its leaving.
    expect(left?.object.metadata).toMatchObject({ labels: { [label]: 'yes' } });
    expect(left?.object.metadata?.resourceVersion).toBe(stored(out).resourceVersion);
    expect(returned?.object.data).toEqual({ unseen: 'yes' });
  });

  test('what has finalizers is MODIFIED when deleted, DELETED when gone', async () => {
    const { configMaps, patience } = space();
    const { name } = await space().configMap(fresh('lock'), { finalizers: ['example.com/a'] });
    const watch = await space().watchOne(configMaps, name);
    await space().delete(`${configMaps}/${name}`);
    await space().patch(`${configMaps}/${name}`, { metadata: { finalizers: null } });
    const [, modified, deleted] = await watch.first(3, patience);
    watch.close();
    expect(modified).toMatchObject({
      type: 'MODIFIED',
      object: { metadata: { deletionTimestamp: expect.any(String) } },
    });
    expect(deleted).toMatchObject({
      type: 'DELETED',
      object: { metadata: { deletionTimestamp: expect.any(String) } },
    });
  });

  test('a watch in a namespace that does not exist opens, and stays silent', async () => {
    const { patience } = space();
    const path = '/api/v1/namespaces/there-is-no-such-namespace/configmaps';
    const watch = await space().watchOne(path, 'lock', { timeoutSeconds: '1' });
    expect(await watch.all(patience)).toEqual([]);
  });
}

function versionOf(event: WatchEvent | undefined): bigint {
  return BigInt(event?.object.metadata?.resourceVersion ?? '0');
}
