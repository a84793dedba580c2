import { describe, expect, it } from 'vitest';

import { suppressionDelayMs } from '../../../lib/protocol/delay.ts';
import { acquiredRecord, microTime, releasedRecord } from '../../../lib/protocol/lease/record.ts';
import {
  type Command,
  type Event,
  type Hint,
  type State,
  holderOf,
  start,
} from '../../../lib/protocol/lease/state.ts';
import { step } from '../../../lib/protocol/lease/step.ts';
import {
  DATE_MS,
  MINE,
  SETTINGS,
  aFollower,
  aLeader,
  aStart,
  aVersion,
  after,
  at,
  got,
  planOf,
  seen,
  storedBy,
  timeUp,
  written,
} from './fixtures.ts';

const failed = (changes: Partial<Event & { type: 'failed' }> = {}): Event => ({
  type: 'failed',
  ambiguous: true,
  ...changes,
});
const gone = (resourceVersion: string): Event => ({ type: 'gone', resourceVersion });
const finish: Event = { type: 'finish' };
const conflict = written('conflict');

/** When a crowd acts on what all see at 0, by the least and by the most luck. */
const SPREAD_MS = suppressionDelayMs(10, 0.5);

const time = (nowMs: number) => microTime(DATE_MS + nowMs);
const waits = (untilMs: number, next: State['next'], phase: State['phase'] = 'following') => ({
  phase,
  do: 'wait',
  untilMs,
  next,
});
const does = (command: Command['do'], phase: State['phase'] = 'following') => ({
  phase,
  do: command,
});

const other = aVersion('9');
const free = aVersion('9', { holderIdentity: '' });
const mine = (resourceVersion: string, changes = {}) =>
  aVersion(resourceVersion, { ...MINE.record, ...changes });

describe('transitions that are our bug', () => {
  const events: Event[] = [
    got(other),
    written(other),
    failed(),
    timeUp,
    finish,
    seen(other),
    gone('9'),
    { type: 'watch-opened' },
    { type: 'watch-lost' },
  ];
  const hints: Hint['type'][] = ['seen', 'gone', 'watch-opened', 'watch-lost'];
  const { record } = other;
  const commands: [Command, Event['type'][]][] = [
    [{ do: 'get' }, ['got', 'failed', 'finish']],
    [{ do: 'create', record }, ['written', 'failed', 'finish']],
    [{ do: 'update', version: other, record }, ['written', 'failed', 'finish']],
    [{ do: 'wait', untilMs: 5_000 }, ['time-up', 'finish', ...hints]],
    [{ do: 'end' }, []],
  ];
  const rows = commands.flatMap(([command, answers]) =>
    events.map((event) => ({ command, event, legal: answers.includes(event.type) })),
  );

  it.each(rows.filter(({ legal }) => !legal))(
    'throw: $event.type does not answer $command.do',
    ({ command, event }) => {
      expect(() => step({ ...aFollower(other), command }, event, at(1))).toThrow(
        new Error(`illegal transition: ${event.type} does not answer ${command.do}`),
      );
    },
  );

  it.each(rows.filter(({ legal }) => legal))(
    'are not these: $event.type answers $command.do',
    ({ command, event }) => {
      expect(() => step({ ...aFollower(other), command }, event, at(1))).not.toThrow();
    },
  );
});

describe('an elector begins', () => {
  it('by reading the lock, with nothing known', () => {
    expect(start(SETTINGS, at(7))).toStrictEqual({
      settings: SETTINGS,
      phase: 'following',
      command: { do: 'get' },
      next: 'get',
      version: undefined,
      gone: false,
      heldUntilMs: -Infinity,
      deletedUntilMs: -Infinity,
      watch: 'closed',
      issuedAt: at(7),
      stamp: undefined,
      renewedAt: undefined,
      deadlineMs: SETTINGS.renewDeadlineMs,
      written: undefined,
      sent: [],
      namesake: false,
      writeUnconfirmed: false,
      failures: 0,
      conflicts: 0,
      loss: undefined,
    });
    expect(holderOf(aStart())).toBe('');
  });

  it('and creates the lock at once where there is none', () => {
    const state = aFollower(undefined);
    expect(state.command).toEqual({
      do: 'create',
      record: acquiredRecord('me', 15_000, time(0)),
    });
  });

  it('and takes the lock at once if nobody holds it', () => {
    const state = aFollower(free);
    expect(state.command).toEqual({
      do: 'update',
      version: free,
      record: acquiredRecord('me', 15_000, time(0), free.record),
    });
  });

  it('and leads on at once if it holds the lock by its identity, as after a restart', () => {
    const held = mine('9');
    expect(aFollower(held).command).toEqual({
      do: 'update',
      version: held,
      // The same time would change nothing.
      record: { ...held.record, renewTime: time(1_990) },
    });
  });

  it.each(['me2', 'm', 'ME', 'me '])('and waits for an identity that is alike: %j', (holder) => {
    expect(planOf(aFollower(aVersion('9', { holderIdentity: holder })))).toEqual(
      waits(2_000, 'get'),
    );
  });
});

describe('an elector that waits for another', () => {
  it('reads the lock every retry period, a little earlier by luck, if it has no watch', () => {
    expect(planOf(aFollower(other))).toEqual(waits(2_000, 'get'));
    const lucky = after(aStart(), [got(other), at(0, { random: 0.5 })]);
    expect(planOf(lucky)).toEqual(waits(1_800, 'get'));
    expect(after(aFollower(other), [timeUp, at(2_000)]).command).toEqual({ do: 'get' });
  });

  it('sleeps until the lease would have expired if it has a watch', () => {
    expect(planOf(aFollower(other, true))).toEqual(waits(15_000, 'decide'));
  });

  it('spreads its try by luck, for the crowd that saw the same', () => {
    const state = after(aFollower(other, true), [seen(aVersion('10')), at(500, { random: 0.5 })]);
    expect(planOf(state)).toEqual(waits(15_000 + SPREAD_MS, 'decide'));
  });

  it('tries when the lease has expired, and not a moment earlier', () => {
    const state = aFollower(other, true);
    expect(planOf(after(state, [timeUp, at(14_999)]))).toEqual(waits(15_000, 'decide'));
    expect(after(state, [timeUp, at(15_000)]).command).toEqual({
      do: 'update',
      version: other,
      record: acquiredRecord('me', 15_000, time(15_000), other.record),
    });
  });

  it('does not read again when a lease that it has read twice expires before the next poll', () => {
    const version = aVersion('9', { leaseDurationSeconds: 3 });
    const state = after(aFollower(version), [timeUp, at(2_000)], [got(version), at(2_000)]);
    expect(planOf(state)).toEqual(waits(3_000, 'decide'));
  });

  it.each([
    ['stored in the lease', 40, 40_000],
    ['stored in the lease, be it shorter than its own', 7, 7_000],
    ['of its own, where none is stored', undefined, 15_000],
  ])('waits for the duration %s', (_, leaseDurationSeconds, untilMs) => {
    expect(planOf(aFollower(aVersion('9', { leaseDurationSeconds }), true))).toEqual(
      waits(untilMs, 'decide'),
    );
  });

  it('counts from when it saw the record change, whatever times the record carries', () => {
    const past = aVersion('9', { renewTime: '1999-01-01T00:00:00.000000Z' });
    expect(aFollower(past).heldUntilMs).toBe(15_000);
    const future = aVersion('10', { renewTime: '2999-01-01T00:00:00.000000Z' });
    const state = after(aFollower(past, true), [seen(future), at(5_000)]);
    expect(planOf(state)).toEqual(waits(20_000, 'decide'));
  });

  it('counts on where only something else than the record has changed', () => {
    const state = after(aFollower(other, true), [seen(aVersion('10')), at(5_000)]);
    expect(planOf(state)).toEqual(waits(15_000, 'decide'));
    expect(state.version?.resourceVersion).toBe('10');
  });

  it.each([
    { renewTime: 'b' },
    { acquireTime: 'b' },
    { leaseTransitions: 4 },
    { holderIdentity: 'third' },
    { leaseDurationSeconds: 15.5 },
  ])('counts anew when the record has changed: %o', (changes) => {
    const renewed = aVersion('10', changes);
    const { leaseDurationSeconds = 15 } = renewed.record;
    const state = after(aFollower(other), [timeUp, at(2_000)], [got(renewed), at(3_000)]);
    expect(state.heldUntilMs).toBe(3_000 + leaseDurationSeconds * 1_000);
  });

  it('does not take time for expired that passed on the wall or the boot clock only', () => {
    const when = at(5_000, { bootMs: 500_000, dateMs: DATE_MS + 10 ** 9 });
    const state = after(aFollower(other), [timeUp, at(2_000)], [got(other), when]);
    expect(planOf(state)).toEqual(waits(7_000, 'get'));
  });

  it('ignores what is older than what it knows', () => {
    const state = aFollower(other, true);
    expect(after(state, [seen(aVersion('8', { holderIdentity: '' })), at(1)])).toBe(state);
    expect(after(state, [gone('8'), at(1)])).toBe(state);
  });

  it('believes what cannot be compared, for a write on its word is conditional', () => {
    const state = after(aFollower(other, true), [
      seen(aVersion('x', { holderIdentity: '' })),
      at(1),
    ]);
    expect(state.version?.resourceVersion).toBe('x');
  });

  it('knows who leads', () => {
    const state = aFollower(other);
    expect(holderOf(state)).toBe('other');
    const third = aVersion('10', { holderIdentity: 'third' });
    expect(holderOf(after(state, [seen(third), at(1)]))).toBe('third');
    expect(holderOf(after(state, [gone('10'), at(1)]))).toBe('');
  });
});

describe('a lock that becomes free', () => {
  const freed = aVersion('10', { holderIdentity: '', leaseDurationSeconds: 1 });

  it('is taken in some milliseconds, spread by luck, for all see it at once', () => {
    const state = after(aFollower(other, true), [seen(freed), at(1_000, { random: 0.5 })]);
    expect(planOf(state)).toEqual(waits(1_000 + SPREAD_MS, 'decide'));
    expect(after(state, [timeUp, at(1_050)]).command).toMatchObject({
      do: 'update',
      version: freed,
    });
  });

  it('is taken at once where it was read, for then nobody knows it at the same moment', () => {
    const state = after(aFollower(other), [timeUp, at(2_000)], [got(freed), at(2_000)]);
    expect(state.command.do).toBe('update');
  });

  it('is left alone as soon as another has it', () => {
    const taken = aVersion('11', { holderIdentity: 'third' });
    const state = after(aFollower(other, true), [seen(freed), at(1)], [seen(taken), at(2)]);
    expect(planOf(state)).toEqual(waits(15_002, 'decide'));
  });

  it('is not put off by a hint that says nothing new', () => {
    const labelled = { ...freed, resourceVersion: '11' };
    const state = after(aFollower(other, true), [seen(freed), at(1, { random: 0.5 })]);
    const again = after(state, [seen(labelled), at(5, { random: 0.9 })]);
    expect(again.command).toEqual(state.command);
    expect(again.version).toBe(labelled);
  });

  it('ends a wait for another read', () => {
    const state = after(aStart(), [failed(), at(0)], [seen(free), at(10, { random: 0.5 })]);
    expect(planOf(state)).toEqual(waits(10 + SPREAD_MS, 'decide'));
    const known = after(state, [timeUp, at(30)], [failed(), at(40)]);
    expect(planOf(known)).toEqual(waits(240, 'get'));
    expect(planOf(after(known, [seen({ ...free, resourceVersion: '10' }), at(50)]))).toEqual(
      waits(50, 'decide'),
    );
  });
});

describe('a lock that was deleted', () => {
  it('by hand is not created before its holder would have stopped leading', () => {
    const state = after(aFollower(other, true), [gone('10'), at(5_000)]);
    expect(planOf(state)).toEqual(waits(20_000, 'decide'));
    expect(after(state, [timeUp, at(20_000)]).command).toMatchObject({ do: 'create' });
  });

  it('is found missing by a read, too, and its time counts from the first such read', () => {
    const poll = (state: State, nowMs: number) =>
      after(state, [timeUp, at(nowMs)], [got(), at(nowMs)]);
    const state = poll(poll(aFollower(other), 2_000), 4_000);
    expect(state.heldUntilMs).toBe(17_000);
    expect(holderOf(state)).toBe('');
  });

  it('is waited for with the duration that was stored in it', () => {
    const short = aVersion('9', { leaseDurationSeconds: 7 });
    expect(after(aFollower(short, true), [gone('10'), at(5_000)]).heldUntilMs).toBe(12_000);
  });

  it('is waited for even if nobody was seen to hold it', () => {
    const backingOff = after(aFollower(free), [conflict, at(0)], [got(free), at(0)]);
    const waiting = after(backingOff, [conflict, at(0)], [gone('10'), at(1_000)]);
    expect(waiting.heldUntilMs).toBe(16_000);
  });

  it('is waited for as long as oneself would lead, not as short as a release counts', () => {
    const released = aVersion('9', { holderIdentity: '', leaseDurationSeconds: 1 });
    const waiting = after(aFollower(released), [failed(), at(0)], [gone('10'), at(1_000)]);
    expect(waiting.heldUntilMs).toBe(16_000);
    const own = mine('9', { leaseDurationSeconds: 40 });
    const restarted = after(aFollower(own), [failed(), at(0)], [gone('10'), at(1_000)]);
    expect(restarted.heldUntilMs).toBe(16_000);
  });

  it('before it was ever seen tells nothing', () => {
    const state = after(aStart(), [failed(), at(0)]);
    expect(after(state, [gone('10'), at(1)])).toBe(state);
  });

  it('and created anew by another is held by that one', () => {
    const anew = aVersion('12', { leaseTransitions: 0 }, 'uid-2');
    const state = after(aFollower(other, true), [gone('10'), at(1_000)], [seen(anew), at(3_000)]);
    expect(planOf(state)).toEqual(waits(18_000, 'decide'));
    expect(state.gone).toBe(false);
  });

  it('and created anew, the same to the letter, is held anew', () => {
    const state = after(aFollower(other, true), [gone('10'), at(1_000)], [seen(other), at(3_000)]);
    expect(state).toMatchObject({ gone: false, heldUntilMs: 18_000 });
  });

  it('once more does not begin its time again', () => {
    const state = after(aFollower(other, true), [gone('10'), at(1_000)], [gone('10'), at(3_000)]);
    expect(state.heldUntilMs).toBe(16_000);
  });

  it('and is free when that is told is created after the spread of a crowd', () => {
    const state = { ...aFollower(other, true), heldUntilMs: -Infinity, gone: true };
    expect(planOf(after(state, [gone('10'), at(1_000, { random: 0.5 })]))).toEqual(
      waits(1_000 + SPREAD_MS, 'decide'),
    );
  });

  it('and found anew by its UID may have been held in between, though nobody holds it now', () => {
    const anew = aVersion('12', { holderIdentity: '' }, 'uid-2');
    const state = after(aFollower(other, true), [seen(anew), at(1_000)]);
    expect(state.heldUntilMs).toBe(16_000);
    const known = after(aFollower({ ...other, uid: 'uid-2' }, true), [seen(anew), at(1_000)]);
    expect(known.heldUntilMs).toBe(-Infinity);
  });

  it('and created anew is not free of its first holder when a later one releases it', () => {
    const anew = { holderIdentity: '', leaseTransitions: 0 };
    const first = after(aFollower(other, true), [seen(aVersion('12', anew, 'uid-2')), at(1_000)]);
    const again = aVersion('14', { ...anew, leaseTransitions: 1 }, 'uid-2');
    const state = after(first, [seen(again), at(3_000)]);
    expect(state.heldUntilMs).toBe(16_000);
    const short = { holderIdentity: 'third', leaseDurationSeconds: 3, leaseTransitions: 2 };
    const held = after(state, [seen(aVersion('16', short, 'uid-2')), at(4_000)]);
    expect(held.heldUntilMs).toBe(16_000);
    const later = aVersion('18', { ...anew, leaseTransitions: 2 }, 'uid-2');
    expect(after(held, [seen(later), at(5_000)]).heldUntilMs).toBe(16_000);
  });

  it('and found anew where UIDs are unknown counts by its record', () => {
    const { uid, ...unknown } = other;
    expect(uid).toBeDefined();
    const state = after(aFollower(unknown, true), [
      seen(aVersion('12', { holderIdentity: '' }, 'uid-2')),
      at(1_000),
    ]);
    expect(state.heldUntilMs).toBe(-Infinity);
  });
});

describe('a watch', () => {
  it('that opens is followed by a read, for it does not tell of what happened before', () => {
    const state = after(aFollower(other), [{ type: 'watch-opened' }, at(100)]);
    expect(state).toMatchObject({ watch: 'silent', command: { do: 'get' } });
    const read = after(state, [got(other), at(200)]);
    expect(read.watch).toBe('silent');
    expect(planOf(read)).toEqual(waits(2_200, 'get'));
    expect(after(read, [seen(other), at(201)])).toMatchObject({
      watch: 'current',
      command: { do: 'wait', untilMs: 15_000 },
    });
  });

  it('that opens is not relied on before it shows something: the lock is polled', () => {
    const opened = after(aFollower(other), [{ type: 'watch-opened' }, at(100)]);
    const state = after(
      opened,
      [got(other), at(100)],
      [timeUp, at(2_100)],
      [got(other), at(2_100)],
    );
    expect(state.watch).toBe('silent');
    expect(planOf(state)).toEqual(waits(4_100, 'get'));
    expect(after(state, [seen(aVersion('8')), at(2_101)]).watch).toBe('silent');
    expect(after(state, [gone('12'), at(2_101)]).watch).toBe('current');
  });

  it('that is lost is replaced by polling', () => {
    const state = after(aFollower(other, true), [{ type: 'watch-lost' }, at(100)]);
    expect(state.watch).toBe('closed');
    expect(planOf(state)).toEqual(waits(2_100, 'get'));
  });

  it('that is lost does not bring a read forward that was put off', () => {
    const refused = failed({ ambiguous: false, retryAfterMs: 60_000 });
    const state = after(aStart(), [refused, at(0)]);
    expect(planOf(after(state, [{ type: 'watch-lost' }, at(100)]))).toEqual(waits(60_000, 'get'));
  });

  it('that is closed lets nobody be deposed for one look: a short lease may have been renewed', () => {
    const short = aVersion('10', { leaseDurationSeconds: 1 });
    const state = aFollower(short);
    expect(planOf(state)).toEqual(waits(2_000, 'get'));
    const again = after(state, [timeUp, at(2_000)], [got(short), at(2_000)]);
    expect(planOf(again)).toEqual(does('update'));
    expect(planOf(aFollower(short, true))).toEqual(waits(1_000, 'decide'));
  });

  it('that has not told what was read is not relied on: the lock is polled', () => {
    const state = after(
      aFollower(other, true),
      [timeUp, at(15_000)],
      [conflict, at(15_000)],
      [got(aVersion('12', { renewTime: 'c' })), at(15_000)],
    );
    expect(state.watch).toBe('silent');
    expect(planOf(state)).toEqual(waits(17_000, 'get'));
    const polled = after(state, [timeUp, at(17_000)], [got(state.version), at(17_000)]);
    expect(polled.watch).toBe('silent');
  });

  it('that has not told of a deletion is not relied on, either', () => {
    const state = after(
      aFollower(other, true),
      [timeUp, at(15_000)],
      [conflict, at(15_000)],
      [got(), at(15_000)],
    );
    expect(state.watch).toBe('silent');
    expect(planOf(after(state, [gone('12'), at(15_001)]))).toEqual(waits(30_000, 'decide'));
  });

  it('that told all there is to know is relied on', () => {
    const state = after(
      aFollower(other, true),
      [timeUp, at(15_000)],
      [conflict, at(15_000)],
      [got(other), at(15_000)],
    );
    expect(state.watch).toBe('current');
    const missing = after(aFollower(other, true), [gone('10'), at(1)], [timeUp, at(15_001)]);
    expect(after(missing, [conflict, at(15_001)], [got(), at(15_001)]).watch).toBe('current');
    const back = after(missing, [conflict, at(15_001)], [got(other), at(15_001)]);
    expect(back.watch).toBe('silent');
  });

  it('that was silent is relied on when it tells of something', () => {
    const silent = { ...aFollower(other, true), watch: 'silent' as const };
    expect(after(silent, [seen(aVersion('12', { renewTime: 'c' })), at(1)]).watch).toBe('current');
    expect(after(silent, [gone('12'), at(1)]).watch).toBe('current');
    expect(after(silent, [seen(aVersion('8')), at(1)]).watch).toBe('silent');
    const closed = aFollower(other);
    expect(after(closed, [seen(aVersion('12')), at(1)]).watch).toBe('closed');
    expect(after(closed, [gone('12'), at(1)]).watch).toBe('closed');
  });

  it('that is closed stays closed, whatever is read', () => {
    const news = aVersion('12', { renewTime: 'c' });
    const state = after(aFollower(other), [timeUp, at(2_000)], [got(news), at(2_000)]);
    expect(state.watch).toBe('closed');
  });

  it('changes nothing for a leader by opening or closing', () => {
    const state = aLeader();
    for (const type of ['watch-opened', 'watch-lost'] as const) {
      expect(planOf(after(state, [{ type }, at(1)]))).toEqual(planOf(state));
    }
  });
});

describe('an elector becomes the leader', () => {
  it('when its write is answered, proven from when it was decided', () => {
    const asking = aFollower(free);
    const state = after(asking, [written(storedBy(asking, '10')), at(300, { random: 0.5 })]);
    expect(state).toMatchObject({
      phase: 'leading',
      renewedAt: at(0),
      written: { record: { leaseTransitions: 4 } },
    });
    expect(planOf(state)).toEqual(waits(2_320, 'decide', 'leading'));
    expect(state).toMatchObject({ failures: 0, conflicts: 0, writeUnconfirmed: false });
    expect(holderOf(state)).toBe('me');
  });

  it('likewise when it has created the lock', () => {
    const created = mine('1', { leaseTransitions: 0 });
    const state = after(aFollower(undefined), [written(created), at(300)]);
    expect(state).toMatchObject({
      phase: 'leading',
      renewedAt: at(0),
      written: { record: { leaseTransitions: 0 } },
    });
  });

  it('not by an answer that took as long as it would prove: it asks once more', () => {
    const asking = aFollower(free);
    const stored = storedBy(asking, '10');
    const prompt = after(asking, [written(stored), at(9_999)]);
    expect(prompt.phase).toBe('leading');
    const late = after(asking, [written(stored), at(10_000)]);
    expect(planOf(late)).toEqual(does('get'));
    expect(planOf(after(late, [got(stored), at(10_001)]))).toEqual(does('update'));
  });

  it('not by an answer that came after a suspension as long', () => {
    const when = at(100, { bootMs: 20_100 });
    const asking = aFollower(free);
    const answer = written(storedBy(asking, '10'));
    expect(planOf(after(asking, [answer, when]))).toEqual(does('get'));
  });

  it('not because the lock says so: that was an earlier write of its own, or of its namesake', () => {
    const state = after(aFollower(other, true), [seen(mine('10')), at(15_000, { random: 0.5 })]);
    expect(planOf(state)).toEqual(waits(15_000 + SPREAD_MS, 'decide'));
  });
});

describe('a leader', () => {
  it('renews every retry period with one write, without reading', () => {
    const state = after(aLeader(), [timeUp, at(2_000)]);
    expect(state.command).toEqual({
      do: 'update',
      version: MINE,
      record: { ...MINE.record, renewTime: time(2_000) },
    });
    const renewed = mine('11', { renewTime: time(2_000) });
    const next = after(state, [written(renewed), at(2_100)]);
    expect(next).toMatchObject({ phase: 'leading', version: renewed, renewedAt: at(2_000) });
    expect(planOf(next)).toEqual(waits(4_100, 'decide', 'leading'));
  });

  it('replaces what a watch has shown since, be it labelled by somebody', () => {
    const labelled = { ...MINE, resourceVersion: '12' };
    const state = after(aLeader(), [seen(labelled), at(1_000)]);
    expect(planOf(state)).toEqual(waits(2_000, 'decide', 'leading'));
    expect(after(state, [timeUp, at(2_000)]).command).toMatchObject({ version: labelled });
  });

  it('is not one any more at the deadline after the last renewal that was answered', () => {
    const stillLeads = after(aLeader(), [timeUp, at(9_999)]);
    expect(planOf(stillLeads)).toEqual(does('update', 'leading'));
    const state = after(aLeader(), [timeUp, at(10_000)]);
    expect(planOf(state)).toEqual(does('end', 'ended'));
    expect(state.loss).toEqual({ because: 'expired' });
  });

  it('is not one any more after a suspension as long', () => {
    const state = after(aLeader(), [timeUp, at(2_000, { bootMs: 10_000 })]);
    expect(state.loss).toEqual({ because: 'expired' });
  });

  it('does not count a renewal whose answer took as long as it would prove', () => {
    const state = after(aLeader(), [timeUp, at(2_000)], [written(mine('11')), at(12_000)]);
    expect(state).toMatchObject({ phase: 'ended', loss: { because: 'expired' } });
  });

  it('ends as soon as it sees that another holds the lock', () => {
    const taken = aVersion('11');
    for (const state of [
      after(aLeader(), [seen(taken), at(100)]),
      after(aLeader(), [timeUp, at(100)], [conflict, at(100)], [got(taken), at(100)]),
    ]) {
      expect(planOf(state)).toEqual(does('end', 'ended'));
      expect(state.loss).toEqual({ because: 'taken', holder: 'other' });
    }
  });

  it('is not hurried by a watch that tells the same again', () => {
    const wiped = aVersion('11', { holderIdentity: '', leaseTransitions: 3 });
    const refused = failed({ ambiguous: true, retryAfterMs: 1_000 });
    const state = after(aLeader(), [seen(wiped), at(100)], [refused, at(100)]);
    expect(planOf(state)).toEqual(waits(1_100, 'get', 'leading'));
    expect(planOf(after(state, [seen(wiped), at(200)]))).toEqual(planOf(state));
    const deleted = after(aLeader(), [gone('11'), at(100)], [refused, at(100)]);
    expect(planOf(after(deleted, [gone('11'), at(200)]))).toEqual(planOf(deleted));
  });

  it('takes the lock back at once if somebody wiped it, as client-go may', () => {
    const wiped = aVersion('11', { holderIdentity: '', leaseTransitions: 3 });
    const state = after(aLeader(), [seen(wiped), at(100)]);
    expect(state).toMatchObject({ phase: 'leading', renewedAt: at(0) });
    expect(state.command).toMatchObject({
      do: 'update',
      version: wiped,
      record: { holderIdentity: 'me', leaseTransitions: 4 },
    });
    const back = after(state, [written(storedBy(state, '12')), at(200)]);
    expect(back).toMatchObject({ phase: 'leading', written: { record: { leaseTransitions: 4 } } });
  });

  it('ends if another has had the lock in between, and released it', () => {
    const released = aVersion('11', { holderIdentity: '', leaseTransitions: 4 });
    const state = after(aLeader(), [seen(released), at(100)]);
    expect(state.loss).toEqual({ because: 'taken', holder: '' });
  });

  it('ends if the lock was deleted, and another has had the next one and released it', () => {
    const released = aVersion('12', { holderIdentity: '', leaseTransitions: 3 }, 'uid-2');
    const state = after(
      aLeader(),
      [timeUp, at(100)],
      [conflict, at(100)],
      [got(released), at(100)],
    );
    expect(state.loss).toEqual({ because: 'taken', holder: '' });
  });

  it('creates the lock again at once if it was deleted', () => {
    const state = after(aLeader(), [gone('11'), at(100)]);
    expect(state).toMatchObject({ phase: 'leading', renewedAt: at(0) });
    expect(state.command).toEqual({
      do: 'create',
      record: acquiredRecord('me', 15_000, time(100)),
    });
    const anew = storedBy(state, '12', {}, 'uid-2');
    expect(after(state, [written(anew), at(200)])).toMatchObject({
      phase: 'leading',
      renewedAt: at(100),
      written: anew,
    });
  });

  it('ends if another was faster to create the lock', () => {
    const anew = aVersion('12', { leaseTransitions: 0 }, 'uid-2');
    const state = after(
      aLeader(),
      [gone('11'), at(100)],
      [conflict, at(100)],
      [got(anew), at(100)],
    );
    expect(state.loss).toEqual({ because: 'taken', holder: 'other' });
  });

  it('reads after a conflict, once at once, then with patience that ends in time', () => {
    let state = after(aLeader(), [timeUp, at(2_000)], [conflict, at(2_000)]);
    expect(planOf(state)).toEqual(does('get', 'leading'));
    state = after(state, [got(MINE), at(2_000)], [conflict, at(2_000)]);
    expect(planOf(state)).toEqual(waits(2_100, 'get', 'leading'));
    state = after(state, [timeUp, at(9_900)], [got(MINE), at(9_900)], [conflict, at(9_900)]);
    expect(planOf(state)).toEqual(waits(10_000, 'get', 'leading'));
  });
});

describe('a request that fails', () => {
  it('is tried again ever later, up to the retry period, a little earlier by luck', () => {
    let state = aStart();
    const delays: number[] = [];
    for (let count = 0; count < 7; count += 1) {
      state = after(state, [failed(), at(0)]);
      if (state.command.do !== 'wait') throw new Error('does not wait');
      delays.push(state.command.untilMs);
      state = after(state, [timeUp, at(0)]);
      expect(state.command).toEqual({ do: 'get' });
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000]);
    expect(planOf(after(aStart(), [failed(), at(0, { random: 0.5 })]))).toEqual(waits(90, 'get'));
  });

  it('begins anew with its patience once one has succeeded', () => {
    const flaky = after(aStart(), [failed(), at(0)], [timeUp, at(0)], [failed(), at(0)]);
    expect(flaky.failures).toBe(2);
    expect(after(flaky, [timeUp, at(0)], [got(other), at(0)]).failures).toBe(0);
    expect(after(flaky, [timeUp, at(0)], [got(free), at(0)], [conflict, at(0)]).failures).toBe(0);
  });

  it('is tried again when the API server wants it, or later by luck', () => {
    const refused = failed({ ambiguous: false, retryAfterMs: 30_000 });
    expect(planOf(after(aStart(), [refused, at(0)]))).toEqual(waits(30_000, 'get'));
    expect(planOf(after(aStart(), [refused, at(0, { random: 0.5 })]))).toEqual(
      waits(33_000, 'get'),
    );
    const soon = failed({ ambiguous: false, retryAfterMs: 1 });
    expect(planOf(after(aStart(), [soon, at(0)]))).toEqual(waits(100, 'get'));
  });

  it('is tried in time by a leader, ever sooner, whatever the API server wants', () => {
    const renewing = after(aLeader(), [timeUp, at(2_000)]);
    const refused = failed({ ambiguous: false, retryAfterMs: 30_000 });
    const state = after(renewing, [refused, at(2_000)]);
    expect(planOf(state)).toEqual(waits(6_000, 'decide', 'leading'));
    const again = after(state, [timeUp, at(6_000)], [refused, at(6_000)]);
    expect(planOf(again)).toEqual(waits(8_000, 'decide', 'leading'));
    const last = after(again, [timeUp, at(9_950)], [refused, at(9_950)]);
    expect(planOf(last)).toEqual(waits(10_050, 'decide', 'leading'));
  });

  it('and was a write whose outcome is unknown is followed by a read', () => {
    const renewing = after(aLeader(), [timeUp, at(2_000)]);
    const state = after(renewing, [failed(), at(2_000)]);
    expect(planOf(state)).toEqual(waits(2_100, 'get', 'leading'));
    expect(state.writeUnconfirmed).toBe(true);
    const reread = after(state, [timeUp, at(2_100)], [got(mine('11')), at(2_200)]);
    expect(reread).toMatchObject({
      writeUnconfirmed: false,
      command: { do: 'update', version: mine('11') },
    });
    // The write that was given up proves nothing, though it was carried out.
    expect(reread.renewedAt).toEqual(at(0));
  });

  it('and was a write that was refused is made again at once by a leader, without reading', () => {
    const renewing = after(aLeader(), [timeUp, at(2_000)]);
    const state = after(renewing, [failed({ ambiguous: false }), at(2_000)]);
    expect(state.writeUnconfirmed).toBe(false);
    expect(planOf(state)).toEqual(waits(2_100, 'decide', 'leading'));
  });

  it('and was a read is made again, by a leader as well, and leaves no doubt', () => {
    const reading = after(aLeader(), [timeUp, at(2_000)], [conflict, at(2_000)]);
    const state = after(reading, [failed(), at(2_000)]);
    expect(state.writeUnconfirmed).toBe(false);
    expect(planOf(state)).toEqual(waits(2_100, 'get', 'leading'));
    expect(after(aStart(), [failed(), at(0)]).writeUnconfirmed).toBe(false);
  });

  it('leaves doubt until something is known again', () => {
    const state = after(aFollower(free), [failed(), at(0)]);
    expect(planOf(state)).toEqual(waits(100, 'get'));
    const reading = after(state, [timeUp, at(100)]);
    expect(after(reading, [failed({ ambiguous: false }), at(100)]).writeUnconfirmed).toBe(true);
    expect(after(reading, [got(free), at(100)]).writeUnconfirmed).toBe(false);
  });
});

describe('a write for which another was faster', () => {
  it('is followed by a read at once', () => {
    expect(planOf(after(aFollower(free), [conflict, at(5)]))).toEqual(does('get'));
  });

  it('is followed by a read with ever more patience if that told nothing new', () => {
    let state = after(aFollower(free), [conflict, at(0)], [got(free), at(0)]);
    const delays: number[] = [];
    for (let count = 0; count < 6; count += 1) {
      state = after(state, [conflict, at(0)]);
      if (state.command.do !== 'wait') throw new Error('does not wait');
      delays.push(state.command.untilMs);
      state = after(state, [timeUp, at(0)], [got(free), at(0)]);
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 2_000]);
  });

  it('begins anew with its patience once the record has changed', () => {
    const tried = after(aFollower(free), [conflict, at(0)], [got(free), at(0)]);
    expect(tried.conflicts).toBe(1);
    const changed = aVersion('12', { holderIdentity: '', leaseTransitions: 4 });
    expect(after(tried, [conflict, at(0)], [timeUp, at(0)], [got(changed), at(0)])).toMatchObject({
      conflicts: 0,
    });
  });
});

describe('an elector that is told to finish', () => {
  const aReleaser = () => after(aLeader(), [finish, at(1_000)]);

  it('ends at once if it does not lead', () => {
    for (const state of [aStart(), aFollower(other), aFollower(free), aFollower(mine('9'))]) {
      const ended = after(state, [finish, at(1)]);
      expect(planOf(ended)).toEqual(does('end', 'ended'));
      expect(ended.loss).toBeUndefined();
    }
  });

  it('gives the lock up if it leads, exactly the version that it knows', () => {
    expect(planOf(aReleaser())).toEqual(does('update', 'releasing'));
    expect(aReleaser().command).toEqual({
      do: 'update',
      version: MINE,
      record: releasedRecord(MINE.record, time(1_000)),
    });
  });

  it('ends when that is written', () => {
    const released = aVersion('11', { holderIdentity: '' });
    const ended = after(aReleaser(), [written(released), at(1_100)]);
    expect(planOf(ended)).toEqual(does('end', 'ended'));
    expect(ended.loss).toBeUndefined();
    expect(holderOf(ended)).toBe('');
  });

  it('reads again if somebody changed the lock, and gives up what is its own', () => {
    const reading = after(aReleaser(), [conflict, at(1_100)]);
    expect(planOf(reading)).toEqual(does('get', 'releasing'));
    expect(after(reading, [got(mine('12')), at(1_200)]).command).toMatchObject({
      do: 'update',
      version: { resourceVersion: '12' },
      record: { holderIdentity: '' },
    });
  });

  it.each([
    ["another's", other],
    ["nobody's", free],
    ['gone', undefined],
  ])('does not touch a lock that is %s', (_, version) => {
    const ended = after(aReleaser(), [conflict, at(1_100)], [got(version), at(1_200)]);
    expect(planOf(ended)).toEqual(does('end', 'ended'));
  });

  it('reads first if a write of its own may have been carried out', () => {
    const doubtful = after(aFollower(free), [failed(), at(0)], [finish, at(50)]);
    expect(planOf(doubtful)).toEqual(does('get', 'releasing'));
    const [record] = doubtful.sent;
    if (!record) throw new Error('it has sent one');
    const made = { ...mine('10'), record };
    expect(after(doubtful, [got(made), at(60)]).command).toMatchObject({
      do: 'update',
      record: { holderIdentity: '' },
    });
    // In its name, and not its own: a namesake leads by it.
    expect(planOf(after(doubtful, [got(mine('10')), at(60)]))).toEqual(does('end', 'ended'));
    expect(planOf(after(doubtful, [got(free), at(60)]))).toEqual(does('end', 'ended'));
    const leading = after(aLeader(), [timeUp, at(2_000)], [failed(), at(2_000)]);
    expect(planOf(after(leading, [finish, at(2_050)]))).toEqual(does('get', 'releasing'));
  });

  it('reads first after a write that was refused, or answered too late, or was made unnoticed', () => {
    const doubtful = after(aFollower(free), [failed(), at(0)], [timeUp, at(100)]);
    const waiting = after(doubtful, [got(mine('10')), at(100)], [failed(), at(200)]);
    expect(planOf(after(waiting, [finish, at(250)]))).toEqual(does('get', 'releasing'));
    const refused = after(aFollower(free), [conflict, at(0)], [got(mine('10')), at(0)]);
    const again = after(refused, [conflict, at(10)]);
    expect(planOf(after(again, [finish, at(20)]))).toEqual(does('get', 'releasing'));
    const late = after(aFollower(free), [written(mine('10')), at(10_000)]);
    expect(planOf(after(late, [finish, at(10_001)]))).toEqual(does('get', 'releasing'));
  });

  it('reads first if what it knows is not its own', () => {
    const absent = { ...aLeader(), gone: true };
    expect(planOf(after(absent, [finish, at(1)]))).toEqual(does('get', 'releasing'));
    const wiped = { ...aLeader(), version: free };
    expect(planOf(after(wiped, [finish, at(1)]))).toEqual(does('get', 'releasing'));
    const unknown = { ...aLeader(), version: undefined };
    expect(planOf(after(unknown, [finish, at(1)]))).toEqual(does('get', 'releasing'));
  });

  it('tries again if that fails, by reading, though its lease runs out meanwhile', () => {
    const state = after(aReleaser(), [failed(), at(6_000)]);
    expect(planOf(state)).toEqual(waits(6_100, 'get', 'releasing'));
    const later = after(state, [timeUp, at(11_000)]);
    expect(planOf(later)).toEqual(does('get', 'releasing'));
    const refused = failed({ ambiguous: false, retryAfterMs: 30_000 });
    expect(planOf(after(aReleaser(), [refused, at(6_000)]))).toEqual(
      waits(36_000, 'get', 'releasing'),
    );
  });

  it('heeds no hint any more', () => {
    const state = after(aReleaser(), [failed(), at(1_100)]);
    const hints: Event[] = [
      seen(mine('12')),
      seen(aVersion('12')),
      seen(aVersion('12', { holderIdentity: '' })),
      gone('12'),
      { type: 'watch-opened' },
      { type: 'watch-lost' },
    ];
    for (const hint of hints) {
      expect(planOf(after(state, [hint, at(1_150)]))).toEqual(planOf(state));
    }
    expect(after(state, [gone('12'), at(1_150)])).toBe(state);
  });
});

describe('the wall time that is written', () => {
  /** What is written by renewals `everyMs`, while the wall clock reads `dateMs(nowMs)`. */
  function renewTimes(count: number, everyMs: number, dateMs: (nowMs: number) => number): string[] {
    const moment = (nowMs: number) => ({ nowMs, bootMs: nowMs, dateMs: dateMs(nowMs), random: 0 });
    const quick = { ...SETTINGS, retryPeriodMs: everyMs };
    const found: string[] = [];
    let state: State = step(start(quick, moment(0)), got(), moment(0));
    for (let nowMs = 0; found.length < count; nowMs += everyMs) {
      if (state.command.do === 'wait') state = step(state, timeUp, moment(nowMs));
      if (state.command.do !== 'create' && state.command.do !== 'update') throw new Error('?');
      const { record } = state.command;
      found.push(record.renewTime ?? '');
      const version = { record, resourceVersion: String(found.length) };
      state = step(state, { type: 'written', version }, moment(nowMs));
    }
    return found;
  }
  const since = (times: string[]) =>
    times.map((time) => Date.parse(time) - Date.parse(times[0] ?? ''));

  it('is that of the clock', () => {
    expect(renewTimes(3, 2_000, (nowMs) => 1_000_123 + nowMs)).toEqual([
      microTime(1_000_123),
      microTime(1_002_123),
      microTime(1_004_123),
    ]);
  });

  it('goes on when the clock stands still, so that no renewal looks like an earlier one', () => {
    const times = renewTimes(5, 2_000, () => 1_000_000);
    expect(since(times)).toEqual([0, 2_000, 4_000, 6_000, 8_000]);
  });

  it('goes on when the clock crawls', () => {
    const seconds = renewTimes(20, 2_000, (nowMs) => 1_000_000 + nowMs / 10);
    expect(new Set(seconds.map((time) => time.slice(0, 19))).size).toBe(20);
  });

  it('goes on when the clock is set back by just what has passed', () => {
    const setBack = (nowMs: number) => 1_000_000 + (nowMs < 4_000 ? nowMs : nowMs - 2_000);
    expect(since(renewTimes(5, 2_000, setBack))).toEqual([0, 2_000, 4_000, 6_000, 8_000]);
  });

  it.each([
    [2_000, 1.5, [0, 3_000, 6_000]],
    [2_000, 0.5, [0, 1_000, 2_000]],
    [10, 1.5, [0, 15, 30]],
  ])(
    'is that of a clock that differs a little: every %d ms, at %d times the rate',
    (ms, rate, all) => {
      expect(since(renewTimes(3, ms, (nowMs) => 1_000_000 + nowMs * rate))).toEqual(all);
    },
  );

  it('is not twice the same when the clock arrives at what was written ahead of it', () => {
    const times = renewTimes(4, 10, (nowMs) => 1_000_000 + Math.max(nowMs - 10, 0));
    expect(since(times)).toEqual([0, 10, 20, 30]);
  });

  it('never falls back to that of a clock that stands still, not in the same moment either', () => {
    const moment = (nowMs: number) => ({ nowMs, bootMs: nowMs, dateMs: 1_000_000, random: 0 });
    const times: (string | undefined)[] = [];
    let state = step(start(SETTINGS, moment(0)), got(), moment(0));
    const write = () => {
      const { command } = state;
      if (command.do !== 'create' && command.do !== 'update') throw new Error(command.do);
      times.push(command.record.renewTime);
      return { record: command.record, resourceVersion: String(times.length) };
    };
    state = step(state, { type: 'written', version: write() }, moment(0));
    state = step(state, timeUp, moment(2_000));
    const renewed = write();
    state = after(state, [{ type: 'written', version: renewed }, moment(2_000)]);
    state = after(state, [timeUp, moment(4_000)], [conflict, moment(4_000)]);
    state = step(state, got({ ...renewed, resourceVersion: '9' }), moment(4_000));
    write();
    const sorted = times.toSorted();
    expect(times).toEqual(sorted);
    expect(new Set(times).size).toBe(3);
  });

  it('follows the clock back and forth', () => {
    const dates = [5_000_000, 5_002_000, 1_000_000, 1_002_000, 9_000_000];
    const times = renewTimes(5, 2_000, (nowMs) => dates[nowMs / 2_000] ?? 0);
    expect(times).toEqual(dates.map(microTime));
  });

  it('differs within one second, too', () => {
    expect(since(renewTimes(4, 10, () => 1_000_000))).toEqual([0, 10, 20, 30]);
    expect(since(renewTimes(3, 10, (nowMs) => 1_000_000 + nowMs))).toEqual([0, 10, 20]);
  });

  it('belongs to another second after a second, which is all that client-go compares', () => {
    const hesitating = (nowMs: number) => 1_000_000 + (nowMs === 1_000 ? 999 : nowMs);
    const times = renewTimes(2, 1_000, hesitating);
    expect(new Set(times.map((time) => time.slice(0, 19))).size).toBe(2);
  });
});

describe('an answer to a write that names somebody else', () => {
  it.each([['another elector', other] as const, ['nobody', free] as const])(
    'makes nobody a leader: %s',
    (_, version) => {
      const asking = after(aStart(), [got(undefined), at(0)]);
      expect(asking.command.do).toBe('create');
      const told = after(asking, [written(version), at(10)]);
      expect(told).toMatchObject({ phase: 'following', next: 'get', writeUnconfirmed: true });
      expect(told.command.do).toBe('wait');
    },
  );

  it('is no renewal', () => {
    const leader = aLeader();
    const renewing = after(leader, [timeUp, at(3_000)]);
    expect(renewing.command.do).toBe('update');
    const told = after(renewing, [written(aVersion('10')), at(3_010)]);
    expect(told).toMatchObject({ phase: 'leading', next: 'get', renewedAt: leader.renewedAt });
  });
});
