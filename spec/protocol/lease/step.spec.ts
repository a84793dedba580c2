import { describe, expect, it } from 'vitest';

import type { LockVersion } from '../../../lib/protocol/lease/record.ts';
import { type Command, type Event, type State } from '../../../lib/protocol/lease/state.ts';
import { step } from '../../../lib/protocol/lease/step.ts';
import {
  MINE,
  aFollower,
  aLeader,
  aStart,
  aVersion,
  after,
  at,
  closed,
  conflict,
  decisions,
  finish,
  free,
  gone,
  got,
  lost,
  mine,
  opened,
  other,
  planOf,
  refused,
  seen,
  stored,
  storedBy,
  timeUp,
  written,
} from './fixtures.ts';

const renewing = [2_000, timeUp] as const;

describe('an event', () => {
  const hints = [seen(other), gone('9'), opened, closed];
  const events = [got(other), written(other), lost, timeUp, finish, ...hints];
  const { record } = other;
  const commands: [Command, Event[]][] = [
    [{ do: 'get' }, [got(other), lost, finish]],
    [{ do: 'create', record }, [written(other), lost, finish]],
    [{ do: 'update', version: other, record }, [written(other), lost, finish]],
    [{ do: 'wait', untilMs: 5_000 }, [timeUp, finish, ...hints]],
    [{ do: 'end' }, []],
  ];

  it.each(commands)('that does not answer %o throws: it is our bug', (command, answers) => {
    const legal = answers.map(({ type }) => type);
    for (const event of events) {
      const act = () => step({ ...aFollower(other), command }, event, at(1));
      const text = `illegal transition: ${event.type} does not answer ${command.do}`;
      if (legal.includes(event.type)) expect(act).not.toThrow();
      else expect(act).toThrow(new Error(text));
    }
  });
});

describe('a request that fails', () => {
  const doubts = { writeUnconfirmed: true };
  const knows = { writeUnconfirmed: false };

  it('is tried again ever later, up to the retry period', () => {
    const delays: (number | undefined)[] = [];
    for (let state = after(aStart(), lost); delays.length < 7; state = after(state, timeUp, lost)) {
      delays.push(state.command.do === 'wait' ? state.command.untilMs : undefined);
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000]);
  });

  decisions(aStart, {
    'is tried again a little earlier by luck': [[at(0, { random: 0.5 }), lost], 'reads at 90'],
    'is tried again when the API server wants it': [[refused(30_000)], 'reads at 30000'],
    'is tried later than that by luck': [
      [at(0, { random: 0.5 }), refused(30_000)],
      'reads at 33000',
    ],
    'is not tried sooner than it would be': [[refused(1)], 'reads at 100'],
    counts: [[lost, timeUp, lost], { failures: 2 }],
    'is forgotten by a read that succeeds': [
      [lost, timeUp, lost, timeUp, got(other)],
      { failures: 0 },
    ],
    'is forgotten by a write that is answered': [
      [lost, timeUp, got(free), conflict],
      { failures: 0 },
    ],
    'leaves no doubt if it was a read': [[lost], knows],
  });

  const again = [...renewing, refused(30_000), 6_000, timeUp, refused(30_000)] as const;
  const reread = [...renewing, lost, 2_100, timeUp, got(mine('11'))] as const;
  const failedRead = [...renewing, conflict, lost] as const;

  decisions(aLeader, {
    'is tried in time by a leader': [[...renewing, refused(30_000)], 'leads, decides at 6000'],
    'is tried ever sooner by a leader': [again, 'leads, decides at 8000'],
    'is tried at last': [[...again, 9_950, timeUp, refused(30_000)], 'leads, decides at 10050'],
    'without an answer is followed by a read': [[...renewing, lost], 'leads, reads at 2100'],
    'without an answer leaves doubt, if it was a write': [[...renewing, lost], doubts],
    'is known by that read': [reread, { ...knows, command: { do: 'update', version: mine('11') } }],
    'proves nothing, though it was carried out': [reread, { renewedAt: at(0) }],
    'is repeated without a read if it was refused': [
      [...renewing, refused()],
      'leads, decides at 2100',
    ],
    'leaves no doubt if it was refused': [[...renewing, refused()], knows],
    'is repeated if it was a read': [failedRead, 'leads, reads at 2100'],
    'leaves a leader no doubt if it was a read': [failedRead, knows],
  });

  decisions(() => after(aFollower(free), lost), {
    'and was a write is followed by a read': [[], 'reads at 100'],
    'leaves doubt until something is read': [[100, timeUp, refused()], doubts],
    'leaves none once something is': [[100, timeUp, got(free)], knows],
  });
});

describe('a write for which another was faster', () => {
  const changed = aVersion('12', { holderIdentity: '', leaseTransitions: 4 });

  decisions(() => aFollower(free), {
    'is followed by a read at once': [[5, conflict], 'reads'],
    counts: [[conflict, got(free)], { conflicts: 1 }],
    'is forgotten when the record has changed': [
      [conflict, got(free), conflict, timeUp, got(changed)],
      { conflicts: 0 },
    ],
  });

  /** When it writes, if every write conflicts, and each read finds this. */
  function attempts(
    state: State,
    untilMs: number,
    read: (state: State, count: number) => LockVersion,
  ) {
    const times: number[] = [];
    let written = state;
    for (let nowMs = 0; nowMs < untilMs && state.command.do !== 'end' && times.length < 99;) {
      const { command } = state;
      if (command.do === 'wait') nowMs = Math.max(nowMs, command.untilMs);
      const answer = { wait: timeUp, get: got(read(written, times.length)) };
      const isWrite = command.do === 'create' || command.do === 'update';
      if (isWrite) {
        written = state;
        times.push(nowMs);
      }
      state = after(state, nowMs, isWrite ? conflict : command.do === 'get' ? answer.get : timeUp);
    }
    return times;
  }

  it('is repeated once at once, then ever more patiently', () => {
    const times = attempts(aStart(), 8_000, () => free);
    expect(times).toEqual([0, 0, 100, 300, 700, 1_500, 3_100, 5_100, 7_100]);
  });

  it.each([
    ['the lock stays as it was', () => MINE],
    [
      'a copy of the write was faster, made by the network',
      (state: State, count: number) =>
        state.command.do === 'update' ? storedBy(state, String(11 + count)) : MINE,
    ],
  ])('ends a term in the end, without a storm, if %s', (_, read) => {
    const times = attempts(aLeader(), 20_000, read);
    expect(times.length).toBeGreaterThan(3);
    expect(times.length).toBeLessThan(20);
  });
});

describe('an elector that is told to finish', () => {
  const releases = (version: LockVersion) => ({
    phase: 'releasing',
    command: { do: 'update', version, record: { holderIdentity: '' } },
  });
  const stopping = [1_000, finish, 1_100] as const;
  const emptied = aVersion('12', { holderIdentity: '' });
  const hints = [...[mine('12'), aVersion('12'), emptied].map(seen), gone('12'), opened, closed];

  it.each([
    ['begins', aStart],
    ['waits', () => aFollower(other)],
    ['writes', () => aFollower(free)],
    ['finds its name', () => aFollower(mine('9'))],
  ])('ends at once if it %s, and has lost nothing', (_, from) => {
    expect(planOf(after(from(), finish))).toBe('ends');
  });

  decisions(aLeader, {
    'gives up exactly the version that it knows': [[1_000, finish], releases(MINE)],
    'ends when that is written': [
      [...stopping, stored('11')],
      { phase: 'ended', loss: undefined, version: { record: { holderIdentity: '' } } },
    ],
    'reads if somebody changed the lock': [[...stopping, conflict], 'releasing, reads'],
    'gives up what is its own then': [
      [...stopping, conflict, got(mine('12'))],
      releases(mine('12')),
    ],
    "leaves another's": [[...stopping, conflict, got(other)], 'ends'],
    "leaves nobody's": [[...stopping, conflict, got(free)], 'ends'],
    'leaves what is gone': [[...stopping, conflict, got()], 'ends'],
    'reads after a failure, though the lease runs out': [
      [...stopping, 6_000, lost],
      'releasing, reads at 6100',
    ],
    'goes on after its deadline': [[...stopping, 6_000, lost, 11_000, timeUp], 'releasing, reads'],
    'reads when the API server wants it': [
      [...stopping, 6_000, refused(30_000)],
      'releasing, reads at 36000',
    ],
    'reads first if a renewal may have been made': [
      [...renewing, lost, finish],
      'releasing, reads',
    ],
    'heeds no hint': [[...stopping, lost, 1_150, ...hints], 'releasing, reads at 1200'],
    'does not even note a deletion': [[...stopping, lost, 1_150, gone('12')], { gone: false }],
  });

  it('gives up what a write without an answer has made its own', () => {
    for (const asking of [aFollower(free), after(aLeader(), ...renewing)]) {
      const made = storedBy(asking, '11');
      expect(after(asking, 3_000, lost, finish, got(made))).toMatchObject(releases(made));
    }
  });

  decisions(() => aFollower(free), {
    'reads first if its write may have been made': [[lost, 50, finish], 'releasing, reads'],
    'leaves the lock of a namesake': [[lost, 50, finish, got(mine('10'))], 'ends'],
    'leaves the lock that is free': [[lost, 50, finish, got(free)], 'ends'],
    'reads first after a second write': [
      [lost, 100, timeUp, got(mine('10')), lost, finish],
      'releasing, reads',
    ],
    'reads first after a write that was refused': [
      [conflict, got(mine('10')), conflict, finish],
      'releasing, reads',
    ],
    'reads first after a late answer': [[10_000, stored('10'), finish], 'releasing, reads'],
  });

  it.each([
    ['gone', { gone: true }],
    ['empty', { version: free }],
    ['unknown', { version: undefined }],
  ])('reads first if the lock that it leads by is %s', (_, changes) => {
    expect(planOf(after({ ...aLeader(), ...changes }, finish))).toBe('releasing, reads');
  });
});
