import { expect, it } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { CrowdGuess } from '../../lib/lease/crowd-guess.ts';
import { LeaseConnection } from '../../lib/lease/lease-connection.ts';
import { suppressionDelayMs } from '../../lib/protocol/delay.ts';
import { acquiredRecord, microTime } from '../../lib/protocol/lease/record.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';
import { median } from '../bench/report.ts';
import { Simulation } from '../life/simulation.ts';

/** How long a write takes, and how long others take at most to see it. */
const WRITE_MS = 8;
const SEEN_MS = 20;

/** Releases a Lease again and again: how many candidates write each time, and when it is taken. */
function race(candidates: number, releases: number) {
  const clock = new SimulatedClock();
  const guesses = Array.from({ length: candidates }, () => new CrowdGuess());
  const rounds = Array.from({ length: releases }, (_, round) => {
    const tries = guesses
      .map((guess) => {
        const atMs = SEEN_MS * clock.random() + suppressionDelayMs(guess.size, clock.random());
        return { guess, atMs, storedMs: atMs + WRITE_MS };
      })
      .sort((one, other) => one.storedMs - other.storedMs);
    const [winner, ...others] = tries;
    if (!winner) throw new RangeError('nobody competes');
    const losers = others.filter(({ atMs }) => atMs < winner.storedMs + SEEN_MS * clock.random());
    winner.guess.tried('won');
    for (const { guess } of losers) guess.tried('lost');
    for (const guess of guesses) guess.saw(`holder ${round}`);
    return { attempts: 1 + losers.length, takenMs: winner.storedMs };
  });
  return { guesses, rounds };
}

it.each([
  { candidates: 2, attempts: 2, takenMs: 60 },
  { candidates: 3, attempts: 2, takenMs: 60 },
  { candidates: 10, attempts: 3, takenMs: 80 },
  { candidates: 100, attempts: 8, takenMs: 80 },
  { candidates: 1_000, attempts: 60, takenMs: 80 },
])(
  'among $candidates candidates, about $attempts write once the crowd is known',
  ({ candidates, attempts, takenMs }) => {
    const rounds = race(candidates, 60).rounds.slice(10);
    expect(median(rounds.map((round) => round.attempts))).toBeLessThanOrEqual(attempts);
    expect(median(rounds.map((round) => round.takenMs))).toBeLessThan(takenMs);
  },
);

it('a hundred write far less often than at first', () => {
  const [first, ...later] = race(100, 30).rounds.map(({ attempts }) => attempts);
  expect(first).toBeGreaterThan(4 * median(later.slice(10)));
});

it('a guess that is far too large ends with the first race that is won', () => {
  const guess = new CrowdGuess();
  for (let lost = 0; lost < 20; lost += 1) guess.tried('lost');
  expect(guess.size).toBe(1_000);
  guess.saw('a');
  guess.saw('a');
  guess.saw('');
  expect(guess.size).toBe(990);
  guess.tried('won');
  guess.saw('b');
  expect(guess.size).toBe(10);
});

it('an elector that may not count goes by what its writes come to', async () => {
  const { clock, cluster } = await Simulation.create();
  const api = new Api(cluster.transport(), clock);
  const place = { namespace: 'default', name: 'lock', labels: {}, annotations: {} };
  const connection = new LeaseConnection({ clock }, api, '', 'a', place, false);
  const free = acquiredRecord('', 15_000, microTime(0));
  const stale = await connection.create(free);
  if (stale === 'conflict') throw new Error('there is no other');
  const fresh = await connection.update(stale, { ...free, leaseTransitions: 1 });
  if (fresh === 'conflict') throw new Error('there is no other');
  const own = acquiredRecord('a', 15_000, microTime(0), free);
  expect(await connection.update(stale, own)).toBe('conflict');
  expect(connection.candidateCount).toBe(10);
  expect(await connection.update(stale, own)).toBe('conflict');
  expect(connection.candidateCount).toBe(30);
  expect(await connection.update(fresh, own)).toMatchObject({ record: own });
  expect(connection.candidateCount).toBe(10);
  connection.close();
});
