import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';

import { load } from '../cluster/state.ts';
import { historyOf } from '../lab/history.ts';
import type { Kind } from '../lab/journal.ts';
import { nowMs } from '../lab/say.ts';
import { overlapsOf } from '../lab/verdict.ts';
import { wallClock, whyNoShiftedClocks } from '../lab/wall-clock.ts';
import {
  blindActsOf,
  causedHandovers,
  irregularitiesOf,
  isPreventable,
  wipesOf,
} from './checker.ts';
import { type Blow, Fleet, type Recipe, durations } from './fleet.ts';
import { type Findings, countsOf, direction, tableOf, takeoversOf } from './report.ts';
import { sortOut } from './rights.ts';

const all = ['SIGTERM', 'SIGKILL', 'SIGSTOP'] as const;

/** In each direction, of each fleet. */
const HANDOVERS = 20;
const TIMEOUT_MS = 900_000;
const HOUR_MS = 3_600_000;

/** From what nobody notices to what costs the Lease, and all that is in between. */
const STALLS_MS = Array.from({ length: 14 }, (_, turn) => (turn + 1) * 250);

const { kubeconfig, name } = inject('cluster');
const auditLog = name === undefined ? undefined : load(name)?.auditLog;

const findings: Findings[] = [];

const mixed: readonly Recipe[] = [
  { kind: 'client-go' },
  { kind: 'client-go' },
  { kind: 'leader-for-life', form: 'lead' },
  { kind: 'leader-for-life', form: 'elector' },
];

/** Has the fleet hand over back and forth; the blows take turns. */
async function backAndForth(fleet: Fleet, blows: readonly Blow[]): Promise<void> {
  const left = new Map<Kind, number>([
    ['client-go', HANDOVERS],
    ['leader-for-life', HANDOVERS],
  ]);
  for (let turn = 0; Math.max(...left.values()) > 0; turn += 1) {
    const leader = await fleet.leader();
    const { kind } = leader;
    left.set(kind, (left.get(kind) ?? 0) - 1);
    // Each blow in each direction.
    const blow = blows[Math.floor(turn / 2) % blows.length] ?? 'SIGKILL';
    await fleet.handOver(leader, blow, kind === 'client-go' ? 'leader-for-life' : 'client-go');
  }
}

/** Whatever happens in it, nothing may speak against this library. */
async function check(title: string, fleet: Fleet): Promise<Findings> {
  const { entries } = fleet;
  const { leaseDurationMs } = durations;
  const { rightful, lateActs } = sortOut(entries, leaseDurationMs);
  const { terms, strays } = historyOf(rightful);
  const history = await fleet.history(auditLog);
  const found = {
    fleet: title,
    kinds: fleet.kinds,
    handovers: causedHandovers(terms, entries),
    overlaps: overlapsOf(terms),
    wipes: wipesOf(history, entries),
    lateActs,
    history,
  };
  findings.push(found);
  expect(found.overlaps.filter((overlap) => isPreventable(overlap, found.wipes))).toEqual([]);
  expect(strays).toEqual([]);
  expect(blindActsOf(entries, leaseDurationMs)).toEqual([]);
  expect(irregularitiesOf(history, terms, fleet.kinds)).toEqual([]);
  expect(entries.filter(({ event }) => event === 'error')).toEqual([]);
  return found;
}

async function play(
  title: string,
  recipes: readonly Recipe[],
  act: (fleet: Fleet) => Promise<void>,
): Promise<Findings> {
  const fleet = await Fleet.start(kubeconfig, recipes);
  try {
    await act(fleet).finally(() => fleet.close());
    return await check(title, fleet);
  } finally {
    await fleet.remove();
  }
}

function expectBothDirections({ handovers }: Findings): void {
  const counts = Map.groupBy(handovers, direction);
  for (const way of ['client-go to leader-for-life', 'leader-for-life to client-go']) {
    expect(counts.get(way)?.length, way).toBeGreaterThanOrEqual(HANDOVERS);
  }
}

/** Programs of both kinds did go by a clock that is off by that. */
function expectShifted({ entries }: Fleet, offsetMs: number): void {
  const machineMs = Date.now() - nowMs();
  const kinds = entries
    .filter(
      ({ time, atMs }) =>
        time !== undefined && Math.abs(time - atMs - machineMs - offsetMs) < HOUR_MS / 4,
    )
    .map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set(['client-go', 'leader-for-life']));
}

describe.concurrent('a fleet of client-go and this library', { timeout: TIMEOUT_MS }, () => {
  test.for(all)('hands over on %s', async (blow) => {
    expectBothDirections(await play(blow, mixed, (fleet) => backAndForth(fleet, [blow])));
  });

  test('hands over whatever the wall clocks say', async ({ skip }) => {
    const reason = whyNoShiftedClocks();
    if (reason !== undefined) skip(reason);
    const ahead = wallClock(HOUR_MS);
    // Of a cluster of yours, the certificate may be younger than that.
    const other = wallClock(name === undefined ? 2 * HOUR_MS : -HOUR_MS, 0.1);
    const recipes: Recipe[] = [
      { kind: 'client-go', wallClock: ahead },
      { kind: 'client-go', wallClock: other },
      { kind: 'leader-for-life', form: 'lead', wallClock: ahead },
      { kind: 'leader-for-life', form: 'elector', wallClock: other },
    ];
    const found = await play('clocks', recipes, async (fleet) => {
      await backAndForth(fleet, all);
      for (const { offsetMs } of [ahead, other]) expectShifted(fleet, offsetMs);
    });
    expectBothDirections(found);
  });

  test('has one leader however long a process stands still', async () => {
    await play('stalls', mixed, async (fleet) => {
      for (const forMs of STALLS_MS) {
        for (const kind of ['client-go', 'leader-for-life'] as const) {
          await fleet.stall(await fleet.leaderOf(kind), forMs);
        }
      }
    });
  });

  test('has one leader when all compete', async () => {
    const { handovers } = await play('all', mixed, async (fleet) => {
      for (let turn = 0; turn < HANDOVERS; turn += 1) {
        await fleet.handOver(await fleet.leader(), all[turn % all.length] ?? 'SIGKILL');
      }
    });
    expect(handovers.length).toBeGreaterThanOrEqual(HANDOVERS);
  });
});

afterAll(() => {
  console.log([tableOf(findings), countsOf(findings), takeoversOf(findings)].join('\n\n'));
  mkdirSync('reports', { recursive: true });
  writeFileSync(
    join('reports', 'lease-fleet.json'),
    JSON.stringify(
      findings.map(({ kinds: _, ...found }) => found),
      null,
      1,
    ),
  );
});
