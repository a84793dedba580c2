import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, LEASES, PODS, simulated } from './support.ts';

const named = (name: string, more: object = {}) => ({ metadata: { name, ...more } });

describe('a watch', () => {
  it('shows what is there, then what changes', async () => {
    const { clock, send, watch } = await simulated();
    await send('POST', CONFIG_MAPS, named('a'));
    const watching = await watch(CONFIG_MAPS);
    await clock.settle();
    expect(watching.shown).toEqual(['ADDED a']);
    await send('POST', CONFIG_MAPS, named('b'));
    await send('PUT', `${CONFIG_MAPS}/b`, { ...named('b'), data: { k: 'v' } });
    await send('DELETE', `${CONFIG_MAPS}/b`);
    expect(watching.shown.slice(1)).toEqual(['ADDED b', 'MODIFIED b', 'DELETED b']);
    expect(watching.ended).toBe('open');
  });

  it('shows each change with the version of its write, a removal with its own', async () => {
    const { send, watch, clock } = await simulated();
    const watching = await watch(CONFIG_MAPS);
    const { body } = await send('POST', CONFIG_MAPS, named('a'));
    await send('DELETE', `${CONFIG_MAPS}/a`);
    await clock.settle();
    const version = Number(body.metadata.resourceVersion);
    const versions = watching.lines.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual([version, version + 1]);
  });

  it('resumes after a version, also over a removal', async () => {
    const { send, watch, clock } = await simulated();
    const { body } = await send('POST', CONFIG_MAPS, named('a'));
    await send('DELETE', `${CONFIG_MAPS}/a`);
    await send('POST', CONFIG_MAPS, named('b'));
    const watching = await watch(`${CONFIG_MAPS}?resourceVersion=${body.metadata.resourceVersion}`);
    await send('POST', CONFIG_MAPS, named('c'));
    await clock.settle();
    expect(watching.shown).toEqual(['DELETED a', 'ADDED b', 'ADDED c']);
  });

  it('begins at version 0 as with no version', async () => {
    const { send, watch, clock } = await simulated();
    await send('POST', CONFIG_MAPS, named('a'));
    const watching = await watch(`${CONFIG_MAPS}?resourceVersion=0`);
    await clock.settle();
    expect(watching.shown).toEqual(['ADDED a']);
  });

  it('of a version yet to come shows only what comes after it', async () => {
    const { send, watch, clock } = await simulated();
    const { body } = await send('POST', CONFIG_MAPS, named('a'));
    const soon = Number(body.metadata.resourceVersion) + 1;
    const watching = await watch(`${CONFIG_MAPS}?resourceVersion=${soon}`);
    await send('POST', CONFIG_MAPS, named('b'));
    await send('POST', CONFIG_MAPS, named('c'));
    await clock.settle();
    expect(watching.shown).toEqual(['ADDED c']);
  });

  it('from a version that is forgotten is told so, and closed', async () => {
    const { cluster, send, watch, clock } = await simulated();
    const { body } = await send('POST', CONFIG_MAPS, named('a'));
    await send('POST', CONFIG_MAPS, named('b'));
    cluster.compact();
    const version = Number(body.metadata.resourceVersion);
    const watching = await watch(`${CONFIG_MAPS}?resourceVersion=${version}`);
    await clock.settle();
    expect(watching.lines).toEqual([
      {
        type: 'ERROR',
        object: {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Failure',
          message: `too old resource version: ${version} (${version + 1})`,
          reason: 'Expired',
          code: 410,
        },
      },
    ]);
    expect(watching.ended).toBe('closed');
  });

  it('from the last version that is known goes on', async () => {
    const { cluster, send, watch, clock } = await simulated();
    const { body } = await send('POST', CONFIG_MAPS, named('a'));
    cluster.compact();
    await send('POST', CONFIG_MAPS, named('b'));
    const watching = await watch(`${CONFIG_MAPS}?resourceVersion=${body.metadata.resourceVersion}`);
    await clock.settle();
    expect(watching.shown).toEqual(['ADDED b']);
  });

  it('can look back on as many writes as the cluster keeps', async () => {
    const { send, watch, clock } = await simulated({ historyLimit: 5 });
    const { body } = await send('POST', CONFIG_MAPS, named('a'));
    for (let i = 0; i < 12; i += 1) {
      await send('PUT', `${CONFIG_MAPS}/a`, { ...named('a'), data: { i: String(i) } });
    }
    const watching = await watch(`${CONFIG_MAPS}?resourceVersion=${body.metadata.resourceVersion}`);
    await clock.settle();
    expect(watching.lines[0]?.type).toBe('ERROR');
  });

  it('is told of nothing in another namespace, or of another kind', async () => {
    const { cluster, send, watch, clock } = await simulated();
    cluster.createNamespace('other');
    const here = await watch(CONFIG_MAPS);
    const everywhere = await watch('/api/v1/configmaps');
    await send('POST', '/api/v1/namespaces/other/configmaps', named('there'));
    await send('POST', LEASES, named('lease'));
    await clock.settle();
    expect(here.lines).toEqual([]);
    expect(everywhere.shown).toEqual(['ADDED there']);
  });

  it('of a name is told of no other', async () => {
    const { cluster, send, watch, clock } = await simulated();
    const watching = await watch(`${CONFIG_MAPS}?fieldSelector=metadata.name%3Db`);
    await send('POST', CONFIG_MAPS, named('a'));
    await send('POST', CONFIG_MAPS, named('b'));
    await clock.settle();
    expect(watching.shown).toEqual(['ADDED b']);
    expect(cluster.requests.filter({ verb: 'watch', name: 'b' })).toHaveLength(1);
  });

  it('shows an object that leaves its selection as deleted, as it was', async () => {
    const { cluster, watch, clock } = await simulated();
    const watching = await watch(`${PODS}?fieldSelector=status.phase%3DRunning`);
    const pod = cluster.createPod('a');
    cluster.finishPod(pod, 'Failed');
    await clock.settle();
    expect(watching.shown).toEqual(['ADDED a', 'DELETED a']);
    expect(watching.lines[1]?.object['status']).toMatchObject({ phase: 'Running' });
  });

  it('shows metadata only to who asks for no more', async () => {
    const { send, watch, clock } = await simulated();
    const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
    const watching = await watch(`${CONFIG_MAPS}?allowWatchBookmarks=true`, { accept });
    await send('POST', CONFIG_MAPS, { ...named('a'), data: { k: 'v' } });
    await clock.advance(60_000);
    const kinds = watching.lines.map(({ type, object }) => [
      type,
      Object.keys(object),
      object.kind,
    ]);
    const metadataOnly = [['kind', 'apiVersion', 'metadata'], 'PartialObjectMetadata'];
    expect(kinds).toEqual([
      ['BOOKMARK', ...metadataOnly],
      ['ADDED', ...metadataOnly],
      ['BOOKMARK', ...metadataOnly],
    ]);
  });

  describe('in time', () => {
    it('ends in good order after its timeout, with a last bookmark', async () => {
      const { watch, clock } = await simulated();
      const watching = await watch(`${CONFIG_MAPS}?timeoutSeconds=10&allowWatchBookmarks=1`);
      await clock.advance(9_999);
      expect(watching.ended).toBe('open');
      await clock.advance(1);
      expect(watching.ended).toBe('closed');
      expect(watching.lines.map(({ type }) => type)).toEqual(['BOOKMARK', 'BOOKMARK']);
    });

    it('ends after 30 to 60 minutes without one', async () => {
      const { watch, clock } = await simulated();
      const watching = await watch(CONFIG_MAPS);
      await clock.advance(30 * 60_000 - 1);
      expect(watching.ended).toBe('open');
      await clock.advance(30 * 60_000 + 1);
      expect(watching.ended).toBe('closed');
      expect(watching.lines).toEqual([]);
    });

    it('gets bookmarks with the newest version, every minute', async () => {
      const { send, watch, clock } = await simulated();
      const watching = await watch(`${CONFIG_MAPS}?allowWatchBookmarks=true`);
      await clock.settle();
      expect(watching.lines[0]).toMatchObject({
        type: 'BOOKMARK',
        object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } },
      });
      const { body } = await send('POST', LEASES, named('elsewhere'));
      await clock.advance(60_000);
      expect(watching.lines[1]).toEqual({
        type: 'BOOKMARK',
        object: {
          kind: 'ConfigMap',
          apiVersion: 'v1',
          metadata: { resourceVersion: body.metadata.resourceVersion },
        },
      });
      await clock.advance(120_000);
      expect(watching.lines).toHaveLength(4);
    });

    it('gets bookmarks as often as the cluster is told, a resumed one none at once', async () => {
      const { send, watch, clock } = await simulated({ bookmarkMs: 100 });
      const { body } = await send('POST', CONFIG_MAPS, named('a'));
      const { resourceVersion } = body.metadata;
      const watching = await watch(
        `${CONFIG_MAPS}?allowWatchBookmarks=true&resourceVersion=${resourceVersion}`,
      );
      await clock.advance(250);
      expect(watching.lines.map(({ type }) => type)).toEqual(['BOOKMARK', 'BOOKMARK']);
    });

    it('gets no bookmarks unasked', async () => {
      const { watch, clock } = await simulated({ bookmarkMs: 100 });
      const watching = await watch(CONFIG_MAPS);
      await clock.advance(1000);
      expect(watching.lines).toEqual([]);
    });

    it('leaves no timer behind when its client has left', async () => {
      const { watch, clock } = await simulated();
      const watching = await watch(`${CONFIG_MAPS}?allowWatchBookmarks=true`);
      expect(clock.pending).toBe(2);
      watching.stop();
      await clock.settle();
      expect(clock.pending).toBe(0);
      expect(watching.ended).toEqual(new Error('stopped'));
    });
  });
});
