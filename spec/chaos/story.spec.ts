import { expect, test } from 'vitest';
import { said } from '../lab/fixtures.ts';
import { timelineOf } from './story.ts';
import type { Trouble } from './trouble.ts';

test('a timeline tells what was said and what went on around a time, in order', () => {
  const entries = [
    said('a', 'leading', 60_000),
    said('a', 'heartbeat', 60_020),
    said('a', 'heartbeat', 60_040),
    said('a', 'signal', 60_050, { signal: 'SIGKILL' }),
    said('b', 'waiting', 61_000, { reason: 'held', message: 'a leads\nand more', holderPod: 'a' }),
    said('b', 'heartbeat', 99_000),
  ];
  const troubles: Trouble[] = [
    { kind: 'etcd stopped', target: 'etcd', fromMs: 30_000, toMs: 62_000 },
    { kind: 'process gets SIGKILL', target: 'a', fromMs: 60_045, toMs: Number.POSITIVE_INFINITY },
    { kind: 'long ago', target: 'a', fromMs: 1_000, toMs: 2_000 },
  ];
  const lines = timelineOf(entries, troubles, 60_500, 10_000).split('\n');
  expect(lines.map((line) => line.trim().replaceAll(/ +/g, ' '))).toEqual([
    '20.000 s >>> etcd stopped: etcd',
    '50.000 s a leading',
    '50.040 s a heartbeat',
    '50.045 s >>> process gets SIGKILL: a',
    '50.050 s a signal SIGKILL',
    '50.500 s !!! here',
    '51.000 s b waiting held a a leads',
    '52.000 s <<< etcd stopped: etcd',
  ]);
});
