import { describe, expect } from 'vitest';
import { CONFIG_MAPS, LEASES, named, it } from './support.ts';

// What a watch of one object shows is in spec/contract/watching.ts.
describe('a watch', () => {
  /** After the creation of `a`, from a version relative to that one; then `b` and `c` are created. */
  it.for([
    ['without a version shows all there is', undefined, ['ADDED a', 'ADDED b', 'ADDED c']],
    ['of version 0 does as well', 'zero', ['ADDED a', 'ADDED b', 'ADDED c']],
    ['of a version shows what came later', 0, ['ADDED b', 'ADDED c']],
    ['of a version yet to come shows what comes later', 1, ['ADDED c']],
  ] as const)('%s', async ([, ahead, shown], { clock, cluster, send, watch }) => {
    const { body } = await send('POST', CONFIG_MAPS, named('a'));
    // The oldest version that is left can be watched from.
    cluster.compact();
    const version = ahead === 'zero' ? 0 : Number(body.metadata.resourceVersion) + (ahead ?? 0);
    const query = ahead === undefined ? '' : `?resourceVersion=${version}`;
    const watching = await watch(`${CONFIG_MAPS}${query}`);
    for (const name of ['b', 'c']) await send('POST', CONFIG_MAPS, named(name));
    await clock.settle();
    expect(watching.shown).toEqual(shown);
    expect(watching.ended).toBe('open');
  });

  describe('with historyLimit', () => {
    it.override('options', { historyLimit: 5 });

    it('is told that an older version is gone, and closed', async ({ clock, send, watch }) => {
      const { body } = await send('POST', CONFIG_MAPS, named('a'));
      for (let i = 0; i < 12; i += 1) {
        await send('PUT', `${CONFIG_MAPS}/a`, named('a', { data: { i: String(i) } }));
      }
      const { resourceVersion } = body.metadata;
      const watching = await watch(`${CONFIG_MAPS}?resourceVersion=${resourceVersion}`);
      await clock.settle();
      expect(watching.lines).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
      expect(watching.ended).toBe('closed');
    });
  });

  it('shows its namespace and its kind only', async ({ cluster, clock, send, watch }) => {
    cluster.createNamespace('other');
    const here = await watch(CONFIG_MAPS);
    const everywhere = await watch('/api/v1/configmaps');
    await send('POST', '/api/v1/namespaces/other/configmaps', named('there'));
    await send('POST', LEASES, named('lease'));
    await clock.settle();
    expect(here.lines).toEqual([]);
    expect(everywhere.shown).toEqual(['ADDED there']);
  });

  it('shows metadata only if asked to', async ({ clock, send, watch }) => {
    const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
    const watching = await watch(`${CONFIG_MAPS}?allowWatchBookmarks=true`, { accept });
    await send('POST', CONFIG_MAPS, named('a', { data: { k: 'v' } }));
    await clock.advance(60_000);
    expect(watching.types).toEqual(['BOOKMARK', 'ADDED', 'BOOKMARK']);
    for (const { object } of watching.lines) {
      expect(Object.keys(object)).toEqual(['kind', 'apiVersion', 'metadata']);
      expect(object.kind).toBe('PartialObjectMetadata');
    }
  });

  it('ends after timeoutSeconds, with a last bookmark', async ({ clock, watch }) => {
    const watching = await watch(`${CONFIG_MAPS}?timeoutSeconds=10&allowWatchBookmarks=1`);
    await clock.advance(9_999);
    expect(watching.ended).toBe('open');
    await clock.advance(1);
    expect(watching.ended).toBe('closed');
    expect(watching.types).toEqual(['BOOKMARK', 'BOOKMARK']);
  });

  it('ends after 30 to 60 minutes without timeoutSeconds', async ({ clock, watch }) => {
    const watching = await watch(CONFIG_MAPS);
    await clock.advance(30 * 60_000 - 1);
    expect(watching.ended).toBe('open');
    await clock.advance(30 * 60_000 + 1);
    expect(watching.ended).toBe('closed');
    // No bookmarks unasked.
    expect(watching.lines).toEqual([]);
  });

  it('gets a bookmark with the newest version each minute', async ({ clock, send, watch }) => {
    const watching = await watch(`${CONFIG_MAPS}?allowWatchBookmarks=true`);
    await clock.settle();
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    expect(watching.lines).toMatchObject([
      { type: 'BOOKMARK', object: { metadata: { annotations } } },
    ]);
    const { body } = await send('POST', LEASES, named('elsewhere'));
    await clock.advance(60_000);
    const { resourceVersion } = body.metadata;
    const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion } };
    expect(watching.lines[1]).toEqual({ type: 'BOOKMARK', object });
    await clock.advance(120_000);
    expect(watching.lines).toHaveLength(4);
  });

  describe('with bookmarkMs', () => {
    it.override('options', { bookmarkMs: 100 });

    it('gets them as often, but none at once if it resumes', async ({ clock, send, watch }) => {
      const { metadata } = (await send('POST', CONFIG_MAPS, named('a'))).body;
      const query = `allowWatchBookmarks=true&resourceVersion=${metadata.resourceVersion}`;
      const watching = await watch(`${CONFIG_MAPS}?${query}`);
      await clock.advance(250);
      expect(watching.types).toEqual(['BOOKMARK', 'BOOKMARK']);
    });
  });

  it('leaves no timer when its client leaves', async ({ clock, watch }) => {
    const watching = await watch(`${CONFIG_MAPS}?allowWatchBookmarks=true`);
    expect(clock.pending).toBe(2);
    watching.stop();
    await clock.settle();
    expect(clock.pending).toBe(0);
    expect(watching.ended).toEqual(new Error('stopped'));
  });
});
