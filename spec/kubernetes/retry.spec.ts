import { describe, expect } from 'vitest';

import type { RetryOptions } from '../../lib/kubernetes/api.ts';
import { ApiError, NoAnswerError } from '../../lib/kubernetes/outcome.ts';
import { settled } from '../support/manual-clock.ts';
import { it as base } from './scripted.ts';

const permanent = new ApiError(
  { status: 403, reason: 'Forbidden', message: 'no', causes: [] },
  'GET /x',
);
const unavailable = (retryAfterMs?: number) =>
  new ApiError(
    { status: 503, reason: 'ServiceUnavailable', message: 'later', causes: [] },
    'GET /x',
    retryAfterMs,
  );
const lost = new NoAnswerError('GET /x', new Error('broken'));

/** With an operation that fails with these errors one after the other, and then succeeds. */
const it = base.extend(
  'retry',
  ({ api }) =>
    (errors: unknown[], options: Partial<RetryOptions> = {}) => {
      const retried = { calls: 0, outcome: undefined as unknown as Promise<unknown> };
      const run = () => {
        retried.calls += 1;
        return errors.length > 0 ? Promise.reject(errors.shift()) : Promise.resolve('done');
      };
      retried.outcome = api
        .retry(run, { maxBackoffMs: 1_000, ...options })
        .catch((error: unknown) => error);
      return retried;
    },
);

describe('Api.retry', () => {
  it.for<[string, unknown[], Partial<RetryOptions>, unknown]>([
    ['a success', [], {}, 'done'],
    ['a 403', [permanent], {}, permanent],
    ...[new Error('bug'), new TypeError('bug')].map(
      (bug): [string, unknown[], Partial<RetryOptions>, unknown] => [String(bug), [bug], {}, bug],
    ),
    ['withinMs of 0', [lost], { withinMs: 0 }, lost],
  ])('runs once with %s', async ([, errors, options, end], { clock, retry }) => {
    const retried = retry([...errors], options);
    expect(await retried.outcome).toBe(end);
    expect(retried.calls).toBe(1);
    expect(clock.delays).toEqual([]);
  });

  it('waits longer each time, up to the maximum', async ({ clock, retry }) => {
    const delays: number[] = [];
    const onRetry = (error: Error, delayMs: number) => {
      expect(error).toBe(lost);
      delays.push(delayMs);
    };
    const { outcome } = retry(Array<unknown>(12).fill(lost), { onRetry });
    clock.luck = [0, 0.5, 0.999, 0];
    await clock.advance(60_000);
    expect(await outcome).toBe('done');
    expect(delays.slice(0, 5).map(Math.round)).toEqual([100, 180, 320, 800, 900]);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1_000);
    expect(delays).toHaveLength(12);
  });

  it('waits as long as it says', async ({ clock, retry }) => {
    const retried = retry([lost, lost]);
    await settled();
    expect(clock.delays).toEqual([90]);
    await clock.advance(89);
    expect(retried.calls).toBe(1);
    await clock.advance(1);
    expect(retried.calls).toBe(2);
    expect(clock.delays).toEqual([180]);
    await clock.advance(180);
    expect(await retried.outcome).toBe('done');
  });

  it.for([
    [1, 1],
    [7_000, 7_000],
    [120_000, 120_000],
    [300_000, 300_000],
    [300_001, 300_000],
    [10 ** 12, 300_000],
  ] as const)('heeds a Retry-After of %i ms as %i ms', async ([wanted, most], { clock, retry }) => {
    const { outcome } = retry([unavailable(wanted)]);
    await settled();
    // And up to 20 % longer: a crowd that is told the same shall not come back as one.
    expect(clock.delays).toEqual([expect.closeTo(most * 1.1, 6)]);
    await clock.advance(most * 1.2);
    expect(await outcome).toBe('done');
  });

  it('returns to its own delays without a Retry-After', async ({ clock, retry }) => {
    retry([unavailable(7_000), unavailable()]);
    await clock.advance(7_700);
    expect(clock.delays).toEqual([180]);
  });

  it('ends after withinMs with the last error', async ({ clock, retry }) => {
    const last = new NoAnswerError('GET /x', new Error('the last'));
    const delays: number[] = [];
    const onRetry = (_: Error, delayMs: number) => delays.push(delayMs);
    const retried = retry([lost, lost, last, 'never'], { withinMs: 270, onRetry });
    await clock.advance(10_000);
    expect(await retried.outcome).toBe(last);
    expect(retried.calls).toBe(3);
    expect(delays).toEqual([90, 180]);
    expect(clock.delays).toEqual([]);
  });

  it('ends with a later error that is permanent', async ({ clock, retry }) => {
    const { outcome } = retry([lost, permanent]);
    await clock.advance(1_000);
    expect(await outcome).toBe(permanent);
  });

  const reasons = [
    new Error('the reason'),
    new TypeError('the reason'),
    'the reason',
    undefined,
    0,
  ];
  it.for(reasons)(
    'rejects with the reason of its signal: %o',
    async (reason, { api, clock, retry, transport }) => {
      const controller = new AbortController();
      const { signal } = controller;
      const waiting = retry([lost], { signal });
      transport.hang();
      const send = () => api.request({ method: 'GET', path: '/x' }, () => undefined, signal);
      const sending = api.retry(send, { maxBackoffMs: 1_000, signal });
      const outcome = sending.catch((error: unknown) => error);
      await settled();
      controller.abort(reason);
      expect([await waiting.outcome, await outcome]).toEqual([signal.reason, signal.reason]);
      expect([waiting.calls, transport.requests.length]).toEqual([1, 1]);
      expect(clock.delays).toEqual([]);
    },
  );

  it.for([
    ['does not wait after a failure', () => Promise.reject(lost), 'the reason'],
    ['keeps a success', () => Promise.resolve('done'), 'done'],
  ] as const)(
    '%s when its signal has aborted meanwhile',
    async ([, result, end], { api, clock }) => {
      const controller = new AbortController();
      const run = () => {
        controller.abort('the reason');
        return result();
      };
      const onRetry = () => expect.unreachable();
      const options = { maxBackoffMs: 1_000, signal: controller.signal, onRetry };
      expect(await api.retry(run, options).catch((error: unknown) => error)).toBe(end);
      expect(clock.delays).toEqual([]);
    },
  );
});
