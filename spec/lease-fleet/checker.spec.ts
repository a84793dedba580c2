import { describe, expect, test } from 'vitest';

import { led, said as saying } from '../lab/fixtures.ts';
import { termsOf } from '../lab/history.ts';
import type { Entry, Kind } from '../lab/journal.ts';
import { overlapsOf } from '../lab/verdict.ts';
import {
  blindActsOf,
  causedHandovers,
  irregularitiesOf,
  isPreventable,
  wipesOf,
} from './checker.ts';
import type { Holding } from './lease-history.ts';
import { sortOut } from './rights.ts';

const LEASE_MS = 1_000;

const GO = 'go-1';
const OURS = 'ours-1';
const kindOf = (name: string): Kind => (name.startsWith('go') ? 'client-go' : 'leader-for-life');
const kinds = new Map([GO, 'go-2', OURS, 'ours-2'].map((name) => [name, kindOf(name)]));

function said(name: string, event: Entry['event'], atMs: number, more: Partial<Entry> = {}) {
  return saying(name, event, atMs, { kind: kindOf(name), ...more });
}

/** It became the leader and went on for so long, as its journal has it. */
function leads(name: string, fromMs: number, toMs: number): Entry[] {
  const kind = kindOf(name);
  return [said(name, 'renewed', fromMs, { sentMs: fromMs }), ...led(name, fromMs, toMs, { kind })];
}

function terms(...entries: Entry[]) {
  return termsOf(sortOut(entries, LEASE_MS).rightful);
}

function preventable(...entries: Entry[]) {
  return overlapsOf(terms(...entries)).filter((overlap) => isPreventable(overlap, []));
}

function holding(holder: string, writtenMs: number, more: Partial<Holding> = {}): Holding {
  return {
    holder,
    durationMs: holder === '' ? 1_000 : LEASE_MS,
    acquireTime: `${writtenMs}`,
    renewTime: `${writtenMs}`,
    transitions: 0,
    resourceVersion: `${writtenMs}`,
    writtenMs,
    ...more,
  };
}

/** From and to when each term lasted, and how late what is no part of one was. */
function sorted(...entries: Entry[]) {
  const { rightful, lateActs } = sortOut(entries, LEASE_MS);
  const spans = termsOf(rightful).map(({ fromMs, toMs }) => [fromMs, toMs]);
  return { spans, lateMs: lateActs.map(({ lateMs }) => lateMs) };
}

test.each<[string, Entry[], ReturnType<typeof sorted>]>([
  [
    'client-go leads on for as long as renewals follow each other',
    [
      ...leads(GO, 100, 1_000),
      said(GO, 'renewed', 1_050, { sentMs: 1_040 }),
      said(GO, 'heartbeat', 2_040),
    ],
    { spans: [[100, 2_040]], lateMs: [] },
  ],
  [
    'client-go acts late once its lease has run out',
    [...leads(GO, 100, 300), said(GO, 'heartbeat', 1_150), said(GO, 'heartbeat', 1_160)],
    { spans: [[100, 300]], lateMs: [50, 60] },
  ],
  [
    'client-go has another term when it got the Lease again after that',
    [
      ...leads(GO, 100, 300),
      said(GO, 'renewed', 5_000, { sentMs: 4_990 }),
      said(GO, 'heartbeat', 5_010),
    ],
    {
      spans: [
        [100, 300],
        [5_010, 5_010],
      ],
      lateMs: [],
    },
  ],
  [
    'of this library all that it did counts, be it late',
    [...leads(OURS, 100, 300), said(OURS, 'heartbeat', 9_000)],
    { spans: [[100, 9_000]], lateMs: [] },
  ],
])('%s', (_, entries, expected) => {
  expect(sorted(...entries)).toEqual(expected);
});

test.each<[string, Entry[], number, number]>([
  ['of ours in the term of another', [...leads(OURS, 100, 200), ...leads(GO, 150, 300)], 1, 1],
  [
    'while client-go acts late is none',
    [...leads(GO, 100, 200), ...leads(OURS, 1_101, 1_300), said(GO, 'heartbeat', 1_200)],
    0,
    0,
  ],
  [
    'with a client-go that could still act by right is ours',
    [...leads(GO, 100, 200), ...leads(OURS, 900, 1_300), said(GO, 'heartbeat', 1_000)],
    1,
    1,
  ],
  ['of two of client-go is theirs', [...leads(GO, 100, 300), ...leads('go-2', 200, 400)], 1, 0],
])('an overlap %s', (_, entries, count, ours) => {
  expect(overlapsOf(terms(...entries))).toHaveLength(count);
  expect(preventable(...entries)).toHaveLength(ours);
});

describe('a wiped Lease', () => {
  const released = said('go-2', 'released', 200, { renewTime: '200' });
  const history = [holding(OURS, 100), holding('', 200), holding(GO, 250, { transitions: 1 })];

  test('is one that was released by another than its holder', () => {
    expect(wipesOf(history, [released])).toEqual([{ victim: OURS, by: 'go-2', taker: GO }]);
    expect(wipesOf(history.slice(0, 2), [released])).toMatchObject([{ taker: undefined }]);
  });

  test('is not one that its holder released, this library or client-go', () => {
    expect(wipesOf(history, [])).toEqual([]);
    expect(wipesOf([holding('go-2', 100), ...history.slice(1)], [released])).toEqual([]);
  });

  test('makes an overlap that nobody could have prevented, between these two', () => {
    const wipes = wipesOf(history, [released]);
    const robbed = [...leads(OURS, 100, 300), ...leads(GO, 250, 400)];
    const [overlap] = overlapsOf(terms(...robbed));
    expect(overlap && isPreventable(overlap, wipes)).toBe(false);
    const other = [...leads('ours-2', 100, 300), ...leads(GO, 250, 400)];
    const [ours] = overlapsOf(terms(...other));
    expect(ours && isPreventable(ours, wipes)).toBe(true);
  });
});

test('a handover has a direction, and what was done to the one before', () => {
  const entries = [
    said(GO, 'signal', 50, { signal: 'SIGSTOP' }),
    ...leads(GO, 100, 200),
    said(GO, 'signal', 205, { signal: 'SIGKILL' }),
    said(GO, 'signal', 206, { signal: 'SIGCONT' }),
    ...leads(OURS, 250, 300),
    ...leads('go-2', 310, 400),
  ];
  expect(causedHandovers(terms(...entries), entries)).toMatchObject([
    { from: { kind: 'client-go' }, to: { kind: 'leader-for-life' }, cause: 'SIGKILL', gapMs: 50 },
    { from: { kind: 'leader-for-life' }, to: { kind: 'client-go' }, cause: 'nothing', gapMs: 10 },
  ]);
});

describe('a blind act', () => {
  test('is one of ours after a time in which it cannot have renewed', () => {
    const late = said(OURS, 'heartbeat', 1_301);
    expect(blindActsOf([...leads(OURS, 100, 300), late], LEASE_MS)).toEqual([late]);
  });

  test('is not the first one of a new term, nor one in time, nor one of client-go', () => {
    const entries = [
      ...leads(OURS, 100, 300),
      said(OURS, 'heartbeat', 1_300),
      ...leads(OURS, 5_000, 5_100),
      ...leads(GO, 100, 300),
      said(GO, 'heartbeat', 9_000),
    ];
    expect(blindActsOf(entries, LEASE_MS)).toEqual([]);
  });
});

describe('the history of a Lease', () => {
  const regular: Holding[] = [
    holding(GO, 100),
    holding(GO, 200, { acquireTime: '100' }),
    holding(OURS, 1_200, { transitions: 1 }),
    holding('', 1_300, { transitions: 1 }),
    holding(OURS, 1_301, { transitions: 2 }),
  ];

  function irregularities(history: readonly Holding[], ...entries: Entry[]) {
    return irregularitiesOf(history, terms(...entries), kinds);
  }

  test('is regular with renewals, a takeover at expiry, and one after a release', () => {
    const entries = [
      ...leads(GO, 110, 150),
      ...leads(OURS, 1_210, 1_290),
      ...leads(OURS, 1_310, 1_400),
    ];
    expect(irregularities(regular, ...entries)).toEqual([]);
  });

  test.for([
    ['a takeover that is not counted', holding(OURS, 1_200, { transitions: 0 })],
    ['a takeover that counts twice', holding(OURS, 1_200, { transitions: 2 })],
    ['a renewal that is counted', holding(GO, 300, { transitions: 1, acquireTime: '100' })],
    ['a release that is counted', holding('', 300, { transitions: 1 })],
    ['a renewal that claims to be an acquisition', holding(GO, 300)],
    [
      'a takeover that claims to be a renewal',
      holding(OURS, 1_200, { transitions: 1, acquireTime: '1' }),
    ],
    ['our takeover before the lease is over', holding(OURS, 1_199, { transitions: 1 })],
  ] as const)('is not regular with %s', ([, last]) => {
    expect(irregularities([...regular.slice(0, 2), last])).toHaveLength(1);
  });

  test('has nothing against a takeover that is too early if it is client-go’s', () => {
    const early = holding('go-2', 900, { transitions: 1 });
    expect(irregularities([...regular.slice(0, 2), early])).toEqual([]);
  });

  test('knows no early takeover where it is not known when it was', () => {
    const { writtenMs: _, ...last } = holding(OURS, 300, { transitions: 1 });
    expect(irregularities([...regular.slice(0, 2), last])).toEqual([]);
  });

  test('has everyone who led in it, in their order', () => {
    expect(irregularities(regular, ...leads('ours-2', 1_500, 1_600))).toHaveLength(1);
    const turned = [...leads(OURS, 10, 20), ...leads(GO, 110, 150)];
    expect(irregularities(regular, ...turned)).toHaveLength(1);
  });
});
