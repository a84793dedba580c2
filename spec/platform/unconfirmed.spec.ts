import { describe, expect, it as base } from 'vitest';

import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { UnconfirmedEnds, mayLand } from '../../lib/platform/unconfirmed.ts';

const noAnswer = new NoAnswerError('DELETE /x', new Error('reset'));
const aborted = new Error('the caller has had enough');
const refusal = (status: number) =>
  new ApiError({ status, reason: '', message: '', causes: [] }, 'DELETE /x');

const it = base
  .extend('ends', () => new UnconfirmedEnds())
  .extend('fail', ({ ends }) => (error: Error) => {
    return ends.send('lock', () => Promise.reject(error)).catch((reason: unknown) => reason);
  });

it.for<[boolean, unknown]>([
  ...[noAnswer, aborted, ...[500, 504, 408].map(refusal)].map((error): [boolean, unknown] => {
    return [true, error];
  }),
  ...[401, 403, 404, 409, 422, 429].map((status): [boolean, unknown] => [false, refusal(status)]),
])('mayLand is %s after %s', ([may, error]) => {
  expect(mayLand(error)).toBe(may);
});

describe('LIFE-2: an UnconfirmedEnds', () => {
  it('has no lock whose requests were answered', async ({ ends, fail }) => {
    expect(ends.has('lock')).toBe(false);
    await expect(ends.send('lock', () => Promise.resolve(true))).resolves.toBe(true);
    expect(await fail(refusal(409))).toMatchObject({ status: 409 });
    expect(ends.has('lock')).toBe(false);
  });

  it.for([noAnswer, aborted])('has a lock after %s', async (error, { ends, fail }) => {
    expect(await fail(error)).toBe(error);
    expect([ends.has('lock'), ends.has('another lock')]).toEqual([true, false]);
  });

  it('has it although a later request was refused', async ({ ends, fail }) => {
    await fail(noAnswer);
    await fail(refusal(403));
    expect(ends.has('lock')).toBe(true);
  });

  it('forgets it once it is gone', async ({ ends, fail }) => {
    await fail(noAnswer);
    ends.delete('lock');
    expect(ends.has('lock')).toBe(false);
  });

  it('shares its set with others', async () => {
    const uids = new Set<string>();
    const [one, other] = [new UnconfirmedEnds(uids), new UnconfirmedEnds(uids)];
    await one.send('lock', () => Promise.reject(noAnswer)).catch(() => undefined);
    expect(other.has('lock')).toBe(true);
  });
});
