import { describe, expect, it } from 'vitest';

import { suppressionDelayMs } from '../../../lib/protocol/delay.ts';
import {
  aFollower,
  aStart,
  aVersion,
  aWatcher,
  after,
  at,
  conflict,
  decisions,
  free,
  gone,
  got,
  lost,
  mine,
  opened,
  other,
  planOf,
  seen,
  stored,
  timeUp,
} from './fixtures.ts';

describe('LEASE-2: a lock that was deleted', () => {
  const deleted = [1_000, gone('10')] as const;
  const anew = { holderIdentity: '', leaseTransitions: 0 };
  const short = { holderIdentity: 'third', leaseDurationSeconds: 3, leaseTransitions: 2 };
  const second = (version: string, changes = {}) =>
    seen(aVersion(version, { ...anew, ...changes }, 'uid-2'));
  const free2 = second('14', { leaseTransitions: 1 });
  const held = [3_000, free2, 4_000, second('16', short)] as const;
  const anotherOf = (holderIdentity: string) => aVersion('12', { holderIdentity }, 'uid-2');
  const justNow = { heldUntilMs: 16_000, command: { do: 'wait' } };
  const unseen = [conflict, got(free), conflict, ...deleted] as const;

  decisions(aWatcher, {
    'is not created while its holder may lead': [[5_000, gone('10')], 'decides at 20000'],
    'is created then': [[5_000, gone('10'), 20_000, timeUp], 'creates'],
    'is waited for once': [[...deleted, 3_000, gone('10')], { heldUntilMs: 16_000 }],
    'by who holds the next one is waited for': [
      [...deleted, 3_000, second('12', short)],
      'decides at 16000',
    ],
    'and is there again, the same, is held anew': [
      [...deleted, 3_000, seen(other)],
      { gone: false, heldUntilMs: 18_000 },
    ],
    'may have been held in between, unseen': [[1_000, second('12')], { heldUntilMs: 16_000 }],
    'is not free by the release of the next': [
      [1_000, second('12'), 3_000, free2],
      { heldUntilMs: 16_000 },
    ],
    'is not free by a next that is short': [
      [1_000, second('12'), ...held],
      { heldUntilMs: 16_000 },
    ],
    'is not free by any release': [
      [1_000, second('12'), ...held, 5_000, second('18')],
      { heldUntilMs: 16_000 },
    ],
  });

  decisions(() => aFollower(free), {
    'may have been held by who was not seen': [unseen, 'reads at 3000'],
    'is held as long as oneself would lead': [unseen, { heldUntilMs: 16_000 }],
    'is found missing by a poll, for no longer': [
      [...unseen, 3_000, timeUp, got()],
      { heldUntilMs: 16_000 },
    ],
    'and is another, held by nobody, was deleted just now': [
      [conflict, 1_000, got(anotherOf(''))],
      justNow,
    ],
    'and is another, held by itself, was deleted just now': [
      [conflict, 1_000, got(anotherOf('me'))],
      justNow,
    ],
  });

  it.each([
    ['it stored', aVersion('9', { leaseDurationSeconds: 7 }), 8_000],
    [
      'of who waits, not of a release',
      aVersion('9', { holderIdentity: '', leaseDurationSeconds: 1 }),
      16_000,
    ],
    ['of who waits, if it was its own', mine('9', { leaseDurationSeconds: 40 }), 16_000],
  ])('is waited for with the duration %s', (_, version, heldUntilMs) => {
    expect(
      after(
        aFollower(version),
        ...(version.record.holderIdentity === 'other' ? [] : [lost]),
        ...deleted,
      ),
    ).toMatchObject({ heldUntilMs });
  });

  it('is found missing by the first read that does', () => {
    const state = after(aFollower(other), 2_000, timeUp, got(), 4_000, timeUp, got());
    expect(state).toMatchObject({ gone: true, heldUntilMs: 17_000 });
  });

  it('tells nothing before it was seen', () => {
    const state = after(aStart(), lost);
    expect(after(state, 1, gone('10'))).toBe(state);
  });

  it('and is free by then is created after the spread of a crowd', () => {
    const state = { ...aWatcher(), heldUntilMs: -Infinity, gone: true };
    expect(planOf(after(state, at(1_000, { random: 0.5 }), gone('10')))).toBe(
      `decides at ${1_000 + suppressionDelayMs(10, 0.5)}`,
    );
  });

  it('cannot be told where there are no UIDs', () => {
    const { uid: _, ...unknown } = other;
    expect(after(aWatcher(unknown), 1_000, second('12')).heldUntilMs).toBe(-Infinity);
    expect(after(aWatcher({ ...other, uid: 'uid-2' }), 1_000, second('12')).heldUntilMs).toBe(
      -Infinity,
    );
  });

  it('and created by this elector is its own', () => {
    const state = after(aWatcher(), ...deleted, 16_000, timeUp, stored('12', {}, 'uid-2'));
    expect(state).toMatchObject({ phase: 'leading', gone: false });
  });
});

describe('LEASE-2: a create that was given up, and is carried out late', () => {
  // Found by a model of the protocol.
  const givenUp = [got(), 5_000, lost, 5_100, timeUp] as const;
  const late = mine('4');
  const hidden = [...givenUp, got(other), 5_200, opened, 5_300, got(late), seen(late)] as const;
  const released = seen(aVersion('10', { holderIdentity: '' }));

  decisions(aStart, {
    'makes no leader while another may lead': [hidden, 'decides at 20100'],
    'makes one afterwards': [
      [...hidden, 20_100, timeUp],
      { command: { do: 'update', version: late } },
    ],
    'makes one at once if no other was seen': [[...givenUp, got(late)], 'updates'],
    'makes one if the other has released': [
      [got(other), 1_000, released, 1_100, seen(mine('11')), 1_200, timeUp],
      'updates',
    ],
  });
});
