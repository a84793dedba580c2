import { describe, expect, it } from 'vitest';

import { REQUEST_TIMEOUT_MS } from '../../lib/kubernetes/api.ts';
import { YIELD_MS } from '../../lib/kubernetes/preference.ts';
import { suppressionDelayMs } from '../../lib/protocol/delay.ts';
import type * as lease from '../../lib/protocol/lease/state.ts';
import { GARBAGE_COLLECTION_GRACE_MS, WATCHED_POLL_MS } from '../../lib/protocol/life/look.ts';
import type * as life from '../../lib/protocol/life/state.ts';
import { step } from '../../lib/protocol/life/step.ts';
import type { PodReading } from '../../lib/protocol/model.ts';
import { aPod, aState, anEndedPod, inspected } from '../protocol/fixtures.ts';
import { pages, read } from './project.ts';

/** The compiler demands that these name every case of the type, and the table that they name no other. */
const lifeCommands: Record<life.Command['do'], true> = {
  ...{ identify: true, attempt: true, inspect: true, reclaim: true, evict: true },
  ...{ wait: true, lead: true, withdraw: true, fail: true },
};
const lifeHints: Record<life.Hint['type'], true> = {
  ...{ 'lock-seen': true, 'lock-gone': true, 'pod-seen': true, 'node-changed': true },
  ...{ unbarred: true, 'watch-opened': true, 'watch-lost': true },
};
const leaseCommands: Record<lease.Command['do'], true> = {
  ...{ get: true, create: true, update: true, wait: true, end: true },
};
const leasePhases: Record<lease.Phase, true> = {
  ...{ following: true, leading: true, releasing: true, ended: true },
};

describe('the tables of states', () => {
  it.each<[string, string, number, object]>([
    ['commands', 'command | what it does', 0, lifeCommands],
    ['hints', 'hint | what follows', 0, lifeHints],
    ['phases of a Lease', 'state | phase | command | what it does', 1, leasePhases],
    ['commands of a Lease', 'state | phase | command | what it does', 2, leaseCommands],
  ])('name all %s, and nothing else', (_, heading, column, known) => {
    const named = table(heading).map((cells) => cells[column]?.replaceAll('`', ''));
    expect([...new Set(named)].sort()).toEqual(Object.keys(known).sort());
  });
});

describe("the table of what the holder's Pod decides", () => {
  /** What the readings of a row are. */
  const readings: Readonly<Record<string, readonly PodReading['found'][]>> = {
    '`Failed` or `Succeeded`, and no container (init, sidecar, ephemeral) is reported to run': [
      anEndedPod(),
      anEndedPod({ phase: 'Succeeded' }),
    ],
    '`Failed` or `Succeeded`, and a container is still reported to run, or no container is reported at all':
      [aPod({ phase: 'Failed' }), aPod({ phase: 'Succeeded' })],
    'absent, or its name has another UID': ['absent', aPod({ uid: 'another' })],
    'anything else, including terminating and on a lost node': [
      ...[aPod(), aPod({ deleting: true }), aPod({ phase: 'Unknown' }), aPod({ phase: 'Pending' })],
    ],
    'unreadable, because the right is missing': ['unreadable'],
  };
  /** What a candidate does, by what it does now and `GARBAGE_COLLECTION_GRACE_MS` later. */
  const deeds: Readonly<Record<string, readonly [string, string]>> = {
    'reclaimed at once': ['reclaim', 'reclaim'],
    'left alone': ['wait', 'wait'],
    [`reclaimed after ${seconds(GARBAGE_COLLECTION_GRACE_MS)}, unless the garbage collector was faster`]:
      ['wait', 'reclaim'],
    'left to the garbage collector': ['wait', 'wait'],
  };
  const rows = table("holder's Pod | the lock is");

  it('has a row for each kind of reading', () => {
    expect(rows.map(([pod]) => pod)).toEqual(Object.keys(readings));
  });

  it.each(rows)('says what happens if it is %s: %s', (pod = '', deed = '') => {
    for (const holder of readings[pod] ?? []) {
      const look = { ...aState(), command: { do: 'inspect', search: false } } as const;
      const moment = { nowMs: 0, random: 0 };
      const now = step(look, inspected({ holder }), moment);
      const again = { ...now, command: look.command };
      const later = { ...moment, nowMs: GARBAGE_COLLECTION_GRACE_MS };
      const then = step(again, inspected({ holder }), later);
      expect([now.command.do, then.command.do]).toEqual(deeds[deed]);
    }
  });
});

describe('the table of timings of leader for life', () => {
  const timings = table('what | how long', 'docs/protocol.md');
  const minutes = WATCHED_POLL_MS / 60_000;
  const free = [5, 6].map((count) => suppressionDelayMs(count, 1));

  it.each<[string, string]>([
    ['look, while all watches are open', `every ${0.8 * minutes} to ${minutes} minutes`],
    ['time for the garbage collector', `${seconds(GARBAGE_COLLECTION_GRACE_MS)} from when`],
    ['one request', `${seconds(REQUEST_TIMEOUT_MS)}, of which`],
    ['wait of a candidate that is not [preferred](#preference)', `${seconds(YIELD_MS)} from when`],
    ['spread, for 5 candidates or fewer', free[0] === 0 && free[1] ? 'none' : 'some'],
    [
      'spread, for N candidates',
      `up to ${Math.round(suppressionDelayMs(16, 1) / 16 ** 0.75)}·N^0.75 ms`,
    ],
  ])('says how long this is: %s', (what, howLong) => {
    const [, told = ''] = timings.find(([first]) => first === what) ?? [];
    expect(told.slice(0, howLong.length)).toBe(howLong);
  });
});

/** `2 s`. */
function seconds(ms: number): string {
  return `${ms / 1_000} s`;
}

/** The rows of the table with this heading, which one page has, or this one. */
function table(heading: string, only?: string): string[][] {
  const wanted = heading.split(' | ').join('|');
  const found = (only === undefined ? pages() : [only]).flatMap((page) => {
    const blocks = read(page).matchAll(/^\|.*\|\n\| -.*\n((?:\|.*\|\n)*)/gm);
    return Array.from(blocks, ([block, rows = '']) => ({ block, rows }));
  });
  const tables = found.filter(
    ({ block }) => cellsOf(block.split('\n')[0] ?? '').join('|') === wanted,
  );
  expect(tables).toHaveLength(1);
  return (tables[0]?.rows ?? '').trimEnd().split('\n').map(cellsOf);
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
