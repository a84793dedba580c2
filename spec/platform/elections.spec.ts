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

const refused = {
  code: 'ERR_ALREADY_RUNNING',
  message: expect.stringMatching(/^pod-a already competes for ConfigMap default\/lock /) as string,
};

describe('one election for one lock in one process', () => {
  test('a second one is refused while the first one waits or leads', async () => {
    const elections = new Elections();
    await elections.begin(key, neverAborts());
    await expect(elections.begin(key, neverAborts())).rejects.toMatchObject(refused);
  });

  test.each([
    { server: 'https://other' },
    { kind: 'Lease' as const },
    { namespace: 'other' },
    { name: 'other' },
    { candidate: 'pod-b' },
    { uid: 'uid-b' },
  ])('one that differs in %o does not mind it', async (difference) => {
    const elections = new Elections();
    await elections.begin(key, neverAborts());
    await elections.begin({ ...key, ...difference }, neverAborts());
  });

  test.each([
    [key, { ...key, uid: undefined }],
    [{ ...key, uid: undefined }, key],
  ])('where the UID is not known, the name decides', async (one, other) => {
    const elections = new Elections();
    await elections.begin(one, neverAborts());
    await expect(elections.begin(other, neverAborts())).rejects.toMatchObject(refused);
  });

  test('the next one waits while the first one comes to its end, then runs', async () => {
    const elections = new Elections();
    const first = await elections.begin(key, neverAborts());
    first.ending();
    let begun = false;
    const next = elections.begin(key, neverAborts()).then((running) => {
      begun = true;
      return running;
    });
    await Promise.resolve();
    expect(begun).toBe(false);
    first.ended();
    await next;
    await expect(elections.begin(key, neverAborts())).rejects.toMatchObject(refused);
  });

  test('of two that wait for an end, one runs and the other is refused', async () => {
    const elections = new Elections();
    const first = await elections.begin(key, neverAborts());
    first.ending();
    const next = [1, 2].map(() => elections.begin(key, neverAborts()));
    first.ended();
    const outcomes = await Promise.allSettled(next);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  test('waiting for an end rejects with the reason of the signal', async () => {
    const elections = new Elections();
    (await elections.begin(key, neverAborts())).ending();
    const stop = new AbortController();
    const next = elections.begin(key, stop.signal);
    stop.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
  });

  test('copies of the package that share a map know of each other, and nothing is left', async () => {
    const map: ElectionMap = new Map();
    const first = await new Elections(map).begin(key, neverAborts());
    await expect(new Elections(map).begin(key, neverAborts())).rejects.toMatchObject(refused);
    first.ended();
    expect(map.size).toBe(0);
  });
});
