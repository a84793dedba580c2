import { describe, expect, it } from 'vitest';

import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { UnconfirmedEnds, mayLand } from '../../lib/platform/unconfirmed.ts';

const noAnswer = new NoAnswerError('DELETE /x', new Error('reset'));
const aborted = new Error('the caller has had enough');

function refusal(status: number): ApiError {
  return new ApiError({ status, reason: '', message: '', causes: [] }, 'DELETE /x');
}

describe('a write', () => {
  it.each([noAnswer, aborted, refusal(500), refusal(504), refusal(408)])(
    'may still land after %s',
    (error) => {
      expect(mayLand(error)).toBe(true);
    },
  );

  it.each([401, 403, 404, 409, 422, 429])('was not carried out after a %i', (status) => {
    expect(mayLand(refusal(status))).toBe(false);
  });
});

describe('the end of a lock', () => {
  it('is nothing to reckon with where nothing was sent, or all was answered', async () => {
    const ends = new UnconfirmedEnds();
    expect(ends.has('lock')).toBe(false);
    await expect(ends.send('lock', () => Promise.resolve(true))).resolves.toBe(true);
    const refused = ends.send('lock', () => Promise.reject(refusal(409)));
    await expect(refused).rejects.toMatchObject({ status: 409 });
    expect(ends.has('lock')).toBe(false);
  });

  it.each([noAnswer, aborted])('may come at any time after %s', async (error) => {
    const ends = new UnconfirmedEnds();
    await expect(ends.send('lock', () => Promise.reject(error))).rejects.toBe(error);
    expect([ends.has('lock'), ends.has('another lock')]).toEqual([true, false]);
  });

  it('may come although a later request was refused: the first may still land', async () => {
    const ends = new UnconfirmedEnds();
    await ends.send('lock', () => Promise.reject(noAnswer)).catch(() => undefined);
    await ends.send('lock', () => Promise.reject(refusal(403))).catch(() => undefined);
    expect(ends.has('lock')).toBe(true);
  });

  it('is forgotten once the lock is gone', async () => {
    const ends = new UnconfirmedEnds();
    await ends.send('lock', () => Promise.reject(noAnswer)).catch(() => undefined);
    ends.delete('lock');
    expect(ends.has('lock')).toBe(false);
  });

  it('is known to all that share what is known', async () => {
    const uids = new Set<string>();
    const [one, other] = [new UnconfirmedEnds(uids), new UnconfirmedEnds(uids)];
    await one.send('lock', () => Promise.reject(noAnswer)).catch(() => undefined);
    expect(other.has('lock')).toBe(true);
  });
});
