import { expect, test } from 'vitest';

import { fresh, type Space, stored } from './space.ts';

const TIME = '2026-01-02T03:04:05.000006Z';

/** What a Lease can hold, and what a watch of it shows. */
export function leases(space: () => Space): void {
  async function create(spec?: unknown) {
    const name = fresh('lease');
    const body = { metadata: { name }, ...(spec !== undefined && { spec }) };
    return { name, answer: await space().admin.send('POST', space().leases, { body }) };
  }

  test('a Lease is stored as it was written, an empty holder and what is missing too', async () => {
    const held = {
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: TIME,
      renewTime: TIME,
      leaseTransitions: 0,
    };
    const released = { ...held, holderIdentity: '', leaseDurationSeconds: 1 };
    for (const spec of [held, released, { leaseTransitions: 5 }, { acquireTime: TIME }, {}]) {
      const { name, answer } = await create(spec);
      expect(answer).toMatchObject({ status: 201 });
      const read = await space().admin.send('GET', `${space().leases}/${name}`);
      expect(read.body.spec).toEqual(spec);
    }
  });

  test('a Lease without a spec has an empty one', async () => {
    for (const spec of [undefined, null]) {
      const { answer } = await create(spec);
      expect(answer).toMatchObject({ status: 201 });
      expect(answer.body.spec).toEqual({});
    }
  });

  test('the API server does not keep a field that it does not know', async () => {
    const { answer } = await create({ holderIdentity: 'me', mood: 'good' });
    expect(answer).toMatchObject({ status: 201 });
    expect(answer.body.spec).toEqual({ holderIdentity: 'me' });
  });

  test('a time has six decimals, or is refused: 400', async () => {
    const zoned = '2026-01-02T05:04:05.000006+02:00';
    const { answer } = await create({ renewTime: zoned });
    expect(answer.body.spec).toEqual({ renewTime: TIME });
    for (const renewTime of [
      '2026-01-02T03:04:05Z',
      '2026-01-02T03:04:05.000Z',
      '2026-01-02T03:04:05.000000000Z',
      '2026-01-02T03:04:05.000000',
      'yesterday',
      '',
    ]) {
      const refused = (await create({ renewTime })).answer;
      expect([renewTime, refused.status, refused.body.reason]).toEqual([
        renewTime,
        400,
        'BadRequest',
      ]);
      expect(refused.body.message).toContain(`parsing time "${renewTime}" as`);
    }
  });

  test('a duration is a whole number above 0, or is refused: 422, or 400', async () => {
    for (const leaseDurationSeconds of [0, -1]) {
      const { answer } = await create({ leaseDurationSeconds });
      expect(answer).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
      const why = `Invalid value: ${leaseDurationSeconds}: must be greater than 0`;
      expect(answer.body.details?.causes).toEqual([
        { reason: 'FieldValueInvalid', message: why, field: 'spec.leaseDurationSeconds' },
      ]);
    }
    for (const leaseDurationSeconds of [0.5, 1.5, 2 ** 31, '15']) {
      const { answer } = await create({ leaseDurationSeconds });
      expect([leaseDurationSeconds, answer.status]).toEqual([leaseDurationSeconds, 400]);
    }
  });

  test('transitions are a whole number of at least 0, or are refused: 422, or 400', async () => {
    const negative = (await create({ leaseTransitions: -1 })).answer;
    expect(negative).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
    expect(negative.body.message).toContain(
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    );
    const large = (await create({ leaseTransitions: 2 ** 31 })).answer;
    expect(large).toMatchObject({ status: 400, body: { reason: 'BadRequest' } });
    expect(large.body.message).toContain(
      'cannot unmarshal number 2147483648 into Go struct field LeaseSpec.spec.leaseTransitions of type int32',
    );
    expect((await create({ leaseTransitions: 2 ** 31 - 1 })).answer.status).toBe(201);
  });

  test('of PUTs of one version at the same time exactly one succeeds', async () => {
    const { name, answer } = await create({ holderIdentity: 'me' });
    const { metadata } = answer.body;
    const path = `${space().leases}/${name}`;
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((holderIdentity) =>
        space().admin.send('PUT', path, { body: { metadata, spec: { holderIdentity } } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409]);
  });

  test('a watch shows each write, in its order, and the deletion with a later version', async () => {
    const { name, answer } = await create({ holderIdentity: 'me' });
    const path = `${space().leases}/${name}`;
    const watch = await space().watchOne(space().leases, name);
    const versions = [BigInt(stored(answer).resourceVersion)];
    for (const holderIdentity of ['a', 'b']) {
      const written = await space().patch(path, { spec: { holderIdentity } });
      versions.push(BigInt(stored(written).resourceVersion));
    }
    await space().delete(path);
    const events = await watch.first(4, space().patience);
    watch.close();
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
