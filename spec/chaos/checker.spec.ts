import { describe, expect, test } from 'vitest';
import { led, said } from '../lab/fixtures.ts';
import type { Entry } from '../lab/journal.ts';
import type { Version } from '../lab/lock-history.ts';
import { checks, excusedMsOf, gapsOf } from './checker.ts';
import type { Evidence } from './evidence.ts';
import type { Mode, Trouble } from './trouble.ts';

function evidence(entries: readonly Entry[], more: Partial<Evidence> = {}): Evidence {
  const mode: Mode = 'lease';
  const bounds = { fromMs: 0, toMs: Math.max(...entries.map(({ atMs }) => atMs)) };
  const seen = { versions: [] as Version[], holes: [] };
  return { election: 'lease', mode, entries, ...seen, ...bounds, ...more };
}

const is = (name: string) => (identity: string) => identity === name;

const trouble = (more: Partial<Trouble> = {}): Trouble => ({
  kind: 'process killed',
  target: 'a',
  elections: ['lease'],
  effects: { lease: { lossMs: 0, recoveryMs: 1_000 }, life: { lossMs: 0, recoveryMs: 5_000 } },
  fromMs: 10_000,
  toMs: 10_500,
  ...more,
});

function complaints(name: string, of: Evidence, troubles: readonly Trouble[] = []): string[] {
  const check = checks[name];
  if (!check) throw new Error(`there is no check '${name}'`);
  return check(of, troubles).map(({ text }) => text);
}

test('what holds for every election holds here', () => {
  const own = evidence([...led('b', 20, 30), ...led('a', 0, 21)]);
  expect(complaints('no overlaps', own)).toHaveLength(1);
});

describe('time without a leader', () => {
  const name = 'no leaderless time beyond what the faults explain';
  const gap = evidence([...led('a', 0, 10_000), ...led('b', 12_000, 20_000)]);

  test('that nothing explains is told, but for the time that an act stands for', () => {
    expect(complaints(name, gap)).toEqual([
      'nobody led for 1.700 s, 1.700 s longer than what befell the candidates explains',
    ]);
  });

  test('that a trouble and its aftermath cover is explained', () => {
    expect(complaints(name, gap, [trouble({ toMs: 11_500 })])).toEqual([]);
    expect(gapsOf(gap, [trouble({ toMs: 11_500 })])).toMatchObject([{ unexcusedMs: 0 }]);
  });

  test('is told as far as it goes beyond that, and how long it took to recover', () => {
    expect(gapsOf(gap, [trouble()])).toMatchObject([
      { fromMs: 10_300, unexcusedMs: 500, untroubledMs: 1_500 },
    ]);
    expect(excusedMsOf(gap, [trouble()])).toBe(1_200);
  });

  test('is not explained by what befell another election, nor by what is no excuse', () => {
    expect(complaints(name, gap, [trouble({ elections: ['life'] })])).toHaveLength(1);
    expect(
      complaints(name, gap, [trouble({ effects: { life: { lossMs: 0, recoveryMs: 60_000 } } })]),
    ).toHaveLength(1);
  });

  test('is not explained by what struck another than the leader', () => {
    expect(complaints(name, gap, [trouble({ strikes: is('b') })])).toHaveLength(1);
    expect(complaints(name, gap, [trouble({ strikes: is('a'), toMs: 11_500 })])).toEqual([]);
  });

  test('is not explained by what comes after its beginning', () => {
    const late = trouble({ fromMs: 11_400, toMs: 11_900 });
    expect(gapsOf(gap, [late])).toMatchObject([{ unexcusedMs: 1_700 }]);
  });

  describe('is not explained by what takes leadership from nobody', () => {
    const away = trouble({ effects: { lease: { recoveryMs: 1_000 } }, toMs: 11_500 });

    test('but lasts for as long as that once its leader is gone', () => {
      expect(gapsOf(gap, [away])).toMatchObject([{ unexcusedMs: 1_700 }]);
      expect(gapsOf(gap, [trouble(), away])).toMatchObject([{ unexcusedMs: 0 }]);
    });

    const present = { entries: [said('b', 'start', 1), said('c', 'start', 1), ...gap.entries] };
    const among = { ...gap, ...present };
    const personal = (who: string) => ({ ...away, strikes: is(who) });

    test('nor by what strikes one candidate while another could lead', () => {
      expect(gapsOf(among, [trouble(), personal('b')])).toMatchObject([{ unexcusedMs: 500 }]);
      const both = [personal('b'), personal('c')];
      expect(gapsOf(among, [trouble(), ...both])).toMatchObject([{ unexcusedMs: 0 }]);
    });

    test('unless the lock is that one’s', () => {
      const versions = [{ holder: 'b', seenMs: 10_400, resourceVersion: '1' }];
      const held = { ...among, versions };
      expect(gapsOf(held, [trouble(), personal('b')])).toMatchObject([{ unexcusedMs: 0 }]);
      expect(gapsOf(held, [trouble(), personal('c')])).toMatchObject([{ unexcusedMs: 500 }]);
    });
  });

  test('could be for what strikes the leader, as long as it may lose its place: that is not judged', () => {
    const longer = trouble({ fromMs: 2_000, toMs: 3_000, strikes: is('a') });
    const effects = { lease: { lossMs: 500, recoveryMs: 9_000 } };
    expect(excusedMsOf(gap, [{ ...longer, effects }])).toBe(1_500);
    expect(excusedMsOf(gap, [{ ...longer, effects, strikes: is('b') }])).toBe(0);
    expect(excusedMsOf(gap, [{ ...longer, effects: { lease: { recoveryMs: 9_000 } } }])).toBe(0);
  });

  test('at the end counts, too', () => {
    const own = evidence(led('a', 0, 10_000), { toMs: 15_000 });
    expect(complaints(name, own)).toHaveLength(1);
  });

  test('is explained once, however many troubles there were', () => {
    const twice = [trouble(), trouble({ fromMs: 10_100 })];
    expect(gapsOf(gap, twice)).toMatchObject([{ unexcusedMs: 500 }]);
  });
});

describe('the lock', () => {
  const versions = (...holders: readonly [string, number][]): Version[] =>
    holders.map(([holder, seenMs]) => ({ holder, seenMs, resourceVersion: `${seenMs}` }));

  test.for([
    ['gone', ''],
    ['another’s', 'b'],
  ])('is %s while its leader leads on: that is told', ([, next = '']) => {
    const own = evidence(led('a', 0, 100), { versions: versions(['a', 1], [next, 50]) });
    expect(complaints('no lock lost or wiped', own)).toHaveLength(1);
  });

  test('goes when its leader has stopped: that is well', () => {
    const own = evidence(led('a', 0, 40), { versions: versions(['a', 1], ['', 50], ['b', 60]) });
    expect(complaints('no lock lost or wiped', own)).toEqual([]);
  });

  test('is another’s at an unknown time: that is told of who led on all that time only', () => {
    const name = 'no lock lost or wiped';
    const seen = { versions: [...versions(['a', 1]), { ...versions(['b', 50])[0], sinceMs: 20 }] };
    expect(complaints(name, evidence(led('a', 0, 60), seen as Partial<Evidence>))).toHaveLength(1);
    const later = [...led('a', 0, 19), ...led('b', 25, 30), ...led('a', 40, 60)];
    expect(complaints(name, evidence(later, seen as Partial<Evidence>))).toEqual([]);
  });

  test('was never that of one who led: that is told, unless it was when nobody could see it', () => {
    const name = 'nobody leads without the lock';
    const entries = [...led('a', 0, 40), ...led('b', 50, 60)];
    const own = { versions: versions(['a', 1]) };
    const told = ['b led, and the lock was never its own'];
    const holes = (fromMs: number, toMs: number) => [{ fromMs, toMs }];
    expect(complaints(name, evidence(entries, own))).toEqual(told);
    expect(complaints(name, evidence(entries, { ...own, holes: holes(55, 70) }))).toEqual(told);
    expect(complaints(name, evidence(entries, { ...own, holes: holes(45, 70) }))).toEqual([]);
  });
});

describe('the end of a process', () => {
  const name = 'candidates end for no reason of their own';
  const gone = (more: Partial<Entry>) => said('a', 'gone', 9, more);

  test.for<[string, Entry[], number]>([
    [
      'it was killed',
      [said('a', 'signal', 8, { signal: 'SIGKILL' }), gone({ signal: 'SIGKILL' })],
      0,
    ],
    ['somebody else killed it', [gone({ signal: 'SIGKILL' })], 1],
    ['it crashed', [said('a', 'signal', 8, { signal: 'SIGTERM' }), gone({ signal: 'SIGSEGV' })], 1],
    ['it was told to go', [said('a', 'sigterm', 7), said('a', 'exit', 8), gone({ code: 0 })], 0],
    ['it just went', [said('a', 'exit', 8), gone({ code: 0 })], 1],
    ['it said which error', [said('a', 'error', 8), gone({ code: 1 })], 0],
    ['it said nothing', [gone({ code: 1 })], 1],
    ['an error was not caught', [said('a', 'uncaught', 8)], 1],
    [
      'another process of the Pod was killed',
      [said('a', 'signal', 8, { signal: 'SIGKILL', run: 'other' }), gone({ signal: 'SIGKILL' })],
      1,
    ],
  ])('%s', ([, entries, count]) => {
    expect(complaints(name, evidence(entries))).toHaveLength(count);
  });
});

describe('errors', () => {
  const name = 'every error has a code that the faults explain';
  const failed = (code?: string) => evidence([said('a', 'error', 10_200, code ? { code } : {})]);
  const denied = trouble({ codes: ['ERR_REJECTED'] });

  test('that a trouble of that time explains are well', () => {
    expect(complaints(name, failed('ERR_REJECTED'), [denied])).toEqual([]);
  });

  test.for<[string, Evidence, Trouble]>([
    ['no code at all', failed(), denied],
    ['a code of something else', failed('ECONNRESET'), denied],
    ['another code', failed('ERR_FORBIDDEN'), denied],
    ['another time', failed('ERR_REJECTED'), { ...denied, fromMs: 11_000, toMs: 12_000 }],
    ['another candidate', failed('ERR_REJECTED'), { ...denied, strikes: is('b') }],
    ['another election', failed('ERR_REJECTED'), { ...denied, elections: ['life'] }],
  ])('are told: %s', ([, own, why]) => {
    expect(complaints(name, own, [why])).toHaveLength(1);
  });
});
