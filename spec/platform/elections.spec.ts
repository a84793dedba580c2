import { describe, expect, test } from 'vitest';

import { neverAborts } from '../../lib/platform/abort.ts';
import { type ElectionMap, Elections } from '../../lib/platform/elections.ts';

const key = {
  server: 'https://api',
  kind: 'ConfigMap',
  namespace: 'default',
  name: 'lock',
  candidate: 'pod-a',
  uid: 'uid-a',
} as const;
type Key = Parameters<Elections['begin']>[0];

const it = test.extend('begin', () => {
  const elections = new Elections();
  return (as: Key = key, signal = neverAborts()) => elections.begin(as, signal);
});

const refused = {
  code: 'ERR_ALREADY_RUNNING',
  message: expect.stringMatching(/^pod-a already competes for ConfigMap default\/lock /) as string,
};

test('who has stood aside for long enough is forgotten', () => {
  const aside = new Map<string, number>();
  const elections = new Elections(new Map(), aside);
  elections.standAside(key, 5_000, 0);
  elections.standAside({ ...key, candidate: 'pod-b' }, 6_000, 1_000);
  expect(aside.size).toBe(2);
  elections.standAside({ ...key, candidate: 'pod-c' }, 10_000, 5_000);
  expect(aside.size).toBe(2);
  expect(elections.asideUntilMs(key)).toBeUndefined();
});

describe('LIFE-1: of elections of one process for one lock', () => {
  it.for<[string, Key, Key]>([
    ['key', key, key],
    ['name, where the UID of the first is unknown', { ...key, uid: undefined }, key],
    ['name, where the UID of the second is unknown', key, { ...key, uid: undefined }],
  ])('a second is refused by its %s', async ([, first, second], { begin }) => {
    await begin(first);
    await expect(begin(second)).rejects.toMatchObject(refused);
  });

  it.for<Partial<Key>>([
    { server: 'https://other' },
    { kind: 'Lease' },
    { namespace: 'other' },
    { name: 'other' },
    { candidate: 'pod-b' },
    { uid: 'uid-b' },
  ])('one with another %o is another', async (difference, { begin }) => {
    await begin();
    await begin({ ...key, ...difference });
  });

  it('the next waits until the first has ended', async ({ begin }) => {
    const first = await begin();
    first.ending();
    let begun = false;
    const next = begin().then(() => (begun = true));
    await Promise.resolve();
    expect(begun).toBe(false);
    first.ended();
    await next;
    await expect(begin()).rejects.toMatchObject(refused);
  });

  it('one of two that wait for an end is refused', async ({ begin }) => {
    const first = await begin();
    first.ending();
    const next = [begin(), begin()];
    first.ended();
    const outcomes = await Promise.allSettled(next);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('one that waits for an end rejects with its signal', async ({ begin }) => {
    (await begin()).ending();
    const stop = new AbortController();
    const next = begin(key, stop.signal);
    stop.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
  });

  it('a second is refused in another copy of the package', async () => {
    const map: ElectionMap = new Map();
    const first = await new Elections(map).begin(key, neverAborts());
    await expect(new Elections(map).begin(key, neverAborts())).rejects.toMatchObject(refused);
    first.ended();
    expect(map.size).toBe(0);
  });
});
