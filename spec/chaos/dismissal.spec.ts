import { expect, test } from 'vitest';
import type { ErrorCode } from '../../lib/errors.ts';
import { said } from '../lab/fixtures.ts';
import type { Entry } from '../lab/journal.ts';
import { type Dismissible, dismissAll } from './dismissal.ts';
import type { Evidence } from './evidence.ts';
import { judge } from './report.ts';
import { Chronicle } from './trouble.ts';

/** Two Pods at the end of a run: the leader releases when it is told to go, the other fails. */
function endOfRun(code: ErrorCode) {
  let nowMs = 20_000;
  const chronicle = new Chronicle(() => nowMs);
  const entries: Entry[] = [];
  const say = (pod: string, event: Entry['event'], more: Partial<Entry> = {}) => {
    entries.push(said(pod, event, nowMs, more));
  };
  const evidence = (toMs: number): Evidence => ({
    ...{ election: 'pods', mode: 'life', entries, holes: [], fromMs: 20_000, toMs },
    versions: [{ holder: 'near-1', seenMs: 20_000, resourceVersion: '1' }],
  });
  const crew: Dismissible = {
    name: 'pods',
    dismissalCodes: ['ERR_POD_NOT_FOUND', 'ERR_POD_TERMINATING'],
    dismiss: async () => {
      nowMs += 100;
      say('near-1', 'releasing');
      say('near-1', 'exit');
      // The lock is free, the Pod is terminating, and its SIGTERM has not arrived yet.
      nowMs += 50;
      say('far-1', 'error', { code });
      say('far-1', 'exit');
      nowMs += 1_000;
      return Promise.resolve();
    },
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  say('near-1', 'leading', { fencingToken: '1' });
  return { chronicle, crew, evidence, pass, say };
}

function failuresOf(evidence: Evidence, { troubles }: Chronicle): string[] {
  const { text } = judge({
    ...{ seed: 1, evidence: [evidence], troubles, originMs: 0, episodes: 1 },
    ...{ leftOut: new Map(), failure: undefined, leftovers: [] },
  });
  return text.split('\n').filter((line) => line.startsWith('FAILED'));
}

test('a Pod that finds itself terminating when the run ends is explained', async () => {
  const { chronicle, crew, evidence, say } = endOfRun('ERR_POD_TERMINATING');
  say('near-1', 'heartbeat');
  await dismissAll([crew], chronicle);
  expect(failuresOf(evidence(20_000), chronicle)).toEqual([]);
});

test('another error, and another election’s, is not', async () => {
  const { chronicle, crew, evidence, say } = endOfRun('ERR_FORBIDDEN');
  say('near-1', 'heartbeat');
  await dismissAll([crew], chronicle);
  const complaint = 'every error has a code that the faults explain';
  expect(failuresOf(evidence(20_000), chronicle)).toEqual([`FAILED  pods: ${complaint}`]);

  const other = endOfRun('ERR_POD_TERMINATING');
  await dismissAll([{ ...other.crew, name: 'life' }], other.chronicle);
  expect(failuresOf(other.evidence(20_000), other.chronicle)).toEqual([
    `FAILED  pods: ${complaint}`,
  ]);
});

test('a leader that was lost just before is not', async () => {
  const { chronicle, crew, evidence, pass, say } = endOfRun('ERR_POD_TERMINATING');
  pass(5_000);
  say('near-1', 'heartbeat');
  pass(900);
  await dismissAll([crew], chronicle);
  expect(failuresOf(evidence(25_900), chronicle)).toEqual([
    'FAILED  pods: no leaderless time beyond what the faults explain',
  ]);
});
