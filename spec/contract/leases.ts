import { expect } from 'vitest';

import { type ContractTest, fresh, refusedAs, type Space, stored } from './space.ts';

const TIME = '2026-01-02T03:04:05.000006Z';

/** What a Lease can hold, and what a watch of it shows. */
export function leases(it: ContractTest): void {
  const create = (space: Space, spec?: unknown, name = fresh('lease')) =>
    space.post('leases', { name }, spec === undefined ? {} : { spec });
  const held = {
    holderIdentity: 'me',
    leaseDurationSeconds: 15,
    acquireTime: TIME,
    renewTime: TIME,
    leaseTransitions: 0,
  };

  it.for<[unknown, object]>([
    ...[
      held,
      { ...held, holderIdentity: '', leaseDurationSeconds: 1 },
      { leaseTransitions: 2 ** 31 - 1 },
      { acquireTime: TIME },
      {},
    ].map((spec): [unknown, object] => [spec, spec]),
    [undefined, {}],
    [null, {}],
    [{ holderIdentity: 'me', mood: 'good' }, { holderIdentity: 'me' }],
    [{ renewTime: '2026-01-02T05:04:05.000006+02:00' }, { renewTime: TIME }],
  ])('a Lease with the spec %j is stored with %j', async ([spec, kept], { space }) => {
    const created = await create(space, spec);
    expect(created).toMatchObject({ status: 201 });
    expect(created.body.spec).toEqual(kept);
    expect((await space.get(stored(created).path)).body.spec).toEqual(kept);
  });

  const unmarshal = 'cannot unmarshal';
  const notAbove0 = (value: number) => `Invalid value: ${value}: must be greater than 0`;
  it.for<[object, number, string]>([
    ...[
      '2026-01-02T03:04:05Z',
      '2026-01-02T03:04:05.000Z',
      '2026-01-02T03:04:05.000000000Z',
      '2026-01-02T03:04:05.000000',
      'yesterday',
      '',
    ].map((renewTime): [object, number, string] => {
      return [{ renewTime }, 400, `parsing time "${renewTime}" as`];
    }),
    [{ leaseDurationSeconds: 0 }, 422, `spec.leaseDurationSeconds: ${notAbove0(0)}`],
    [{ leaseDurationSeconds: -1 }, 422, `spec.leaseDurationSeconds: ${notAbove0(-1)}`],
    ...[0.5, 1.5, 2 ** 31, '15'].map((leaseDurationSeconds): [object, number, string] => {
      return [{ leaseDurationSeconds }, 400, unmarshal];
    }),
    [
      { leaseTransitions: -1 },
      422,
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      { leaseTransitions: 2 ** 31 },
      400,
      `${unmarshal} number 2147483648 into Go struct field LeaseSpec.spec.leaseTransitions of type int32`,
    ],
  ])('a Lease with the spec %j is refused: %i', async ([spec, status, message], { space }) => {
    const answer = await create(space, spec);
    expect(answer).toMatchObject(refusedAs(status, status === 422 ? 'Invalid' : 'BadRequest'));
    expect(answer.body.message).toContain(message);
  });

  it('LEASE-2: of PUTs of one version at the same time exactly one succeeds', async ({ space }) => {
    const { path, ...metadata } = stored(await create(space, { holderIdentity: 'me' }));
    const puts = ['a', 'b', 'c', 'd'].map((holderIdentity) =>
      space.put(path, metadata, { spec: { holderIdentity } }),
    );
    const statuses = (await Promise.all(puts)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 409, 409, 409]);
  });

  it('LEASE-3: a watch shows each write in order, the deletion with a later version', async ({
    space,
  }) => {
    const { path, resourceVersion } = stored(await create(space, { holderIdentity: 'me' }));
    const watch = await space.watchOne(path);
    const versions = [BigInt(resourceVersion)];
    for (const holderIdentity of ['a', 'b']) {
      const written = await space.patch(path, { spec: { holderIdentity } });
      versions.push(BigInt(stored(written).resourceVersion));
    }
    await space.delete(path);
    const events = await watch.first(4, space.patience);
    expect(events.map(({ type, object }) => [type, object.spec])).toEqual([
      ['ADDED', { holderIdentity: 'me' }],
      ['MODIFIED', { holderIdentity: 'a' }],
      ['MODIFIED', { holderIdentity: 'b' }],
      ['DELETED', { holderIdentity: 'b' }],
    ]);
    const seen = events.map(({ object }) => BigInt(object.metadata?.resourceVersion ?? 0));
    expect(seen.slice(0, 3)).toEqual(versions);
    expect(seen[3]).toBeGreaterThan(versions[2] ?? 0n);
  });
}
