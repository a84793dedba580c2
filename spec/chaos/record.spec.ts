import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { said } from '../lab/fixtures.ts';
import { gapsOf } from './checker.ts';
import { termsOf } from '../lab/history.ts';
import { readRecord, writeRecord } from './record.ts';
import type { Outcome } from './run.ts';
import type { Trouble } from './trouble.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'record-'));
});

afterEach(() => rm(folder, { recursive: true }));

test('what was written down is judged as what was seen', async () => {
  const entries = [
    said('b', 'start', 0),
    said('a', 'leading', 0),
    ...Array.from({ length: 9 }, (_, index) => said('a', 'heartbeat', 20 * (index + 1))),
    said('b', 'leading', 3_000),
    said('b', 'heartbeat', 4_000),
  ];
  const trouble: Trouble = {
    kind: 'process killed',
    target: 'a',
    strikes: (identity) => identity === 'a',
    effects: { lease: { lossMs: 0, recoveryMs: 1_000 } },
    fromMs: 100,
    toMs: 1_000,
  };
  const bounds = { fromMs: 0, toMs: 4_000 };
  const own = { election: 'lease', mode: 'lease', entries, versions: [], holes: [] } as const;
  const outcome: Outcome = {
    seed: 1,
    evidence: [{ ...own, ...bounds }],
    troubles: [trouble, { ...trouble, kind: 'endless', strikes: () => false, toMs: Infinity }],
    originMs: 0,
    episodes: 1,
    leftOut: new Map([['kind', 'reason']]),
    failure: undefined,
    leftovers: [],
  };
  const file = join(folder, 'record.json');
  await writeRecord(file, outcome);
  const read = await readRecord(file);

  const [before, after] = [outcome, read].map(({ evidence: [all], troubles }) => {
    return all && { terms: termsOf(all.entries), gaps: gapsOf(all, troubles) };
  });
  expect(before?.gaps).toMatchObject([{ unexcusedMs: 1_000 }]);
  expect(after).toEqual(before);
  expect(read.evidence[0]?.entries).toHaveLength(6);
  expect({ ...read, evidence: [], troubles: [] }).toEqual({
    ...outcome,
    evidence: [],
    troubles: [],
  });
});
