import { describe, expect, test } from 'vitest';

import {
  blindActsOf,
  handoversOf,
  irregularitiesOf,
  isPreventable,
  overlapsOf,
  wipesOf,
} from './checker.ts';
import type { Entry, Kind } from './journal.ts';
import type { Holding } from './lease-history.ts';
import { deedsOf } from './terms.ts';

const LEASE_MS = 1_000;

const GO = 'go-1';
const OURS = 'ours-1';
const kinds = new Map<string, Kind>([
  [GO, 'client-go'],
  ['go-2', 'client-go'],
  [OURS, 'leader-for-life'],
  ['ours-2', 'leader-for-life'],
]);

function said(identity: string, event: Entry['event'], atMs: number, more: Partial<Entry> = {}) {
  return { identity, kind: kinds.get(identity) ?? 'client-go', event, atMs, ...more };
}

/** It became the leader and went on for so long, as its journal has it. */
function leads(identity: string, fromMs: number, toMs: number): Entry[] {
  return [
    said(identity, 'renewed', fromMs, { sentMs: fromMs }),
    said(identity, 'leading', fromMs),
    said(identity, 'act', (fromMs + toMs) / 2),
    said(identity, 'act', toMs),
  ];
}

function terms(...entries: Entry[]) {
  return deedsOf(entries, LEASE_MS).terms;
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

describe('a term', () => {
  test('is from the first to the last act', () => {
    const entries = [
      ...leads(OURS, 100, 300),
      said(OURS, 'stopped', 310),
      ...leads(OURS, 400, 500),
    ];
    expect(terms(...entries)).toEqual([
      { kind: 'leader-for-life', identity: OURS, fromMs: 100, toMs: 300 },
      { kind: 'leader-for-life', identity: OURS, fromMs: 400, toMs: 500 },
    ]);
  });

  test('comes before another that began later, whoever is told of first', () => {
    const entries = [...leads(OURS, 500, 600), ...leads(GO, 100, 200)];
    expect(terms(...entries).map(({ identity }) => identity)).toEqual([GO, OURS]);
  });

  test('of client-go goes on for as long as renewals follow each other', () => {
    const entries = [
      ...leads(GO, 100, 1_000),
      said(GO, 'renewed', 1_050, { sentMs: 1_040 }),
      said(GO, 'act', 2_040),
    ];
    expect(deedsOf(entries, LEASE_MS)).toMatchObject({ terms: [{ toMs: 2_040 }], lateActs: [] });
  });

  test('of client-go ends with its lease; what it does then is late', () => {
    const entries = [...leads(GO, 100, 300), said(GO, 'act', 1_150), said(GO, 'act', 1_160)];
    expect(deedsOf(entries, LEASE_MS)).toMatchObject({
      terms: [{ fromMs: 100, toMs: 300 }],
      lateActs: [
        { identity: GO, atMs: 1_150, lateMs: 50 },
        { identity: GO, atMs: 1_160, lateMs: 60 },
      ],
    });
  });

  test('of client-go is another one when it got the Lease again after that', () => {
    const entries = [
      ...leads(GO, 100, 300),
      said(GO, 'renewed', 5_000, { sentMs: 4_990 }),
      said(GO, 'act', 5_010),
    ];
    expect(terms(...entries)).toMatchObject([{ toMs: 300 }, { fromMs: 5_010, toMs: 5_010 }]);
  });

  test('of this library is all that it did, be it late', () => {
    const entries = [...leads(OURS, 100, 300), said(OURS, 'act', 9_000)];
    expect(deedsOf(entries, LEASE_MS)).toMatchObject({ terms: [{ toMs: 9_000 }], lateActs: [] });
  });
});

describe('an overlap', () => {
  test('is not where one leads after the other', () => {
    expect(overlapsOf(terms(...leads(GO, 100, 200), ...leads(OURS, 201, 300)))).toEqual([]);
  });

  test('is where one acts before the other has acted for the last time', () => {
    const found = overlapsOf(terms(...leads(OURS, 100, 200), ...leads(GO, 150, 300)));
    expect(found).toMatchObject([{ togetherMs: 50 }]);
    expect(found.filter((overlap) => isPreventable(overlap, []))).toHaveLength(1);
  });

  test('is at one moment, too', () => {
    expect(overlapsOf(terms(...leads(GO, 100, 200), ...leads(OURS, 200, 300)))).toHaveLength(1);
  });

  test('is where one leads in the midst of another’s term, however many come between', () => {
    const entries = [...leads(OURS, 100, 900), ...leads(GO, 200, 300), ...leads('go-2', 400, 500)];
    expect(overlapsOf(terms(...entries))).toMatchObject([
      { first: { identity: OURS }, second: { identity: GO }, togetherMs: 100 },
      { first: { identity: OURS }, second: { identity: 'go-2' }, togetherMs: 100 },
    ]);
  });

  test('is none of ours where client-go acts late', () => {
    const entries = [...leads(GO, 100, 200), ...leads(OURS, 1_101, 1_300), said(GO, 'act', 1_200)];
    expect(overlapsOf(terms(...entries))).toEqual([]);
  });

  test('is ours where we took the Lease of a client-go that could still act by right', () => {
    const entries = [...leads(GO, 100, 200), ...leads(OURS, 900, 1_300), said(GO, 'act', 1_000)];
    expect(
      overlapsOf(terms(...entries)).filter((overlap) => isPreventable(overlap, [])),
    ).toHaveLength(1);
  });

  test('is none of ours between two of client-go', () => {
    const found = overlapsOf(terms(...leads(GO, 100, 300), ...leads('go-2', 200, 400)));
    expect(found).toHaveLength(1);
    expect(found.filter((overlap) => isPreventable(overlap, []))).toEqual([]);
  });
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

describe('a handover', () => {
  test('has a direction, a gap, and what was done to the one before', () => {
    const entries = [
      said(GO, 'signal', 50, { signal: 'SIGSTOP' }),
      ...leads(GO, 100, 200),
      said(GO, 'signal', 205, { signal: 'SIGKILL' }),
      said(GO, 'signal', 206, { signal: 'SIGCONT' }),
      ...leads(OURS, 250, 300),
      ...leads('go-2', 310, 400),
    ];
    const found = handoversOf(terms(...entries), entries);
    expect(found).toMatchObject([
      { from: { kind: 'client-go' }, to: { kind: 'leader-for-life' }, cause: 'SIGKILL', gapMs: 50 },
      { from: { kind: 'leader-for-life' }, to: { kind: 'client-go' }, cause: 'nothing', gapMs: 10 },
    ]);
  });

  test('is not where the same identity leads again', () => {
    const entries = [...leads(GO, 100, 200), ...leads(GO, 300, 400)];
    expect(handoversOf(terms(...entries), entries)).toEqual([]);
  });
});

describe('a blind act', () => {
  test('is one of ours after a time in which it cannot have renewed', () => {
    const late = said(OURS, 'act', 1_301);
    expect(blindActsOf([...leads(OURS, 100, 300), late], LEASE_MS)).toEqual([late]);
  });

  test('is not the first one of a new term, nor one in time, nor one of client-go', () => {
    const entries = [
      ...leads(OURS, 100, 300),
      said(OURS, 'act', 1_300),
      ...leads(OURS, 5_000, 5_100),
      ...leads(GO, 100, 300),
      said(GO, 'act', 9_000),
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
