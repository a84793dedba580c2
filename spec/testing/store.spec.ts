import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, LEASES } from '../../lib/testing/kinds.ts';
import type { KubeObject } from '../../lib/testing/objects.ts';
import { Store, type Change, type View } from '../../lib/testing/store.ts';

const TYPES = [CONFIG_MAPS, LEASES];

function object(name: string, namespace: string): KubeObject {
  const metadata = { name, namespace, uid: 'u', resourceVersion: '', creationTimestamp: 't' };
  return { kind: 'Some', apiVersion: 'v1', metadata };
}

function stateOf(view: View): string[] {
  return TYPES.flatMap((type) => view.list(type)).map(
    ({ metadata: { namespace, name, resourceVersion } }) =>
      `${namespace ?? ''}/${name}@${resourceVersion}`,
  );
}

const step = fc.record({
  type: fc.constantFrom(...TYPES),
  name: fc.constantFrom('a', 'b', 'c'),
  namespace: fc.constantFrom('x', 'y'),
  removes: fc.boolean(),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function take(store: Store, { type, name, namespace, removes }: Step) {
  const existing = store.get(type, namespace, name);
  if (!removes) store.put(type, existing ?? object(name, namespace));
  else if (existing) store.remove(type, existing);
}

describe('Store', () => {
  it('at(revision) is every state it had', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const store = new Store();
        const states = [stateOf(store)];
        for (const each of steps) {
          const before = store.revision;
          take(store, each);
          if (store.revision > before) states.push(stateOf(store));
        }
        const remembered = states.map((_, revision) => store.at(revision));
        expect(remembered.map((view) => view && stateOf(view))).toEqual(states);
      }),
    );
  });

  it('changesAfter(revision) leads to the present state', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(30), (steps, from) => {
        const store = new Store();
        const seen: Change[] = [];
        store.listen((change) => seen.push(change));
        for (const each of steps) take(store, each);
        const start = Math.min(from, store.revision);
        expect(store.changesAfter(start)).toEqual(seen.filter(({ revision }) => revision > start));
      }),
    );
  });

  it('compact forgets older revisions, and no more', () => {
    const store = new Store();
    for (const name of ['a', 'b', 'c']) store.put(CONFIG_MAPS, object(name, 'x'));
    store.compact(2);
    expect(store.at(1)).toBeUndefined();
    expect(store.changesAfter(1)).toBeUndefined();
    expect(store.at(2)).toMatchObject({ revision: 2 });
    expect(store.changesAfter(2)).toHaveLength(1);
    store.compact(1);
    expect(store.compacted).toBe(2);
    store.compact(99);
    expect(store.compacted).toBe(3);
  });

  it('keeps one to two times its history limit', () => {
    const store = new Store(10);
    const one = store.put(CONFIG_MAPS, object('a', 'x'));
    for (let count = 0; count < 100; count += 1) store.put(CONFIG_MAPS, one);
    expect(store.revision - store.compacted).toBeLessThanOrEqual(20);
    expect(store.revision - store.compacted).toBeGreaterThanOrEqual(10);
  });

  it('tells all listeners of one write before the next', () => {
    const store = new Store();
    const heard: string[] = [];
    store.listen(({ revision }) => {
      heard.push(`first ${revision}`);
      if (revision === 1) store.put(CONFIG_MAPS, object('b', 'x'));
    });
    const end = store.listen(({ revision }) => heard.push(`second ${revision}`));
    store.put(CONFIG_MAPS, object('a', 'x'));
    end();
    store.put(CONFIG_MAPS, object('c', 'x'));
    expect(heard).toEqual(['first 1', 'second 1', 'first 2', 'second 2', 'first 3']);
  });

  it('list sorts by namespace and name', () => {
    const store = new Store();
    for (const name of ['b', 'a']) {
      for (const namespace of ['y', 'x']) store.put(CONFIG_MAPS, object(name, namespace));
    }
    const keys = (namespace?: string) =>
      store
        .list(CONFIG_MAPS, namespace)
        .map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`);
    expect(keys()).toEqual(['x/a', 'x/b', 'y/a', 'y/b']);
    expect(keys('y')).toEqual(['y/a', 'y/b']);
  });
});
