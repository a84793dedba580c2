import { describe, expect, it } from 'vitest';
import { Show } from '../../site/playground/show.ts';
import { read } from '../../site/playground/schedule.ts';
import type { World as Shown } from '../../site/playground/world.ts';
import { play } from './play.ts';
import { playgroundLink } from './playground-link.ts';
import { parseRegression } from './regression.ts';
import type { Mode, Schedule } from './schedule.ts';

function scheduleOf(mode: Mode, ...lines: readonly string[]): Schedule {
  return parseRegression(['', `${mode} 7 {"troubleMs":40000}`, ...lines].join('\n')).schedule;
}

describe('a link to the playground', () => {
  it('does what the schedule does, to the same Pods, for as long', () => {
    const link = playgroundLink(
      scheduleOf(
        'life',
        'life life life life',
        '0 start {"slot":0}',
        '1000 crash {"slot":2}',
        '2000 delete {"slot":"leader","cascade":"foreground"}',
        '3000 stop {"slot":1,"forMs":500}',
        '4000 stop collector {"forMs":9000}',
      ),
    );
    expect(link?.missing).toEqual([]);
    expect(read(link?.fragment ?? '')).toMatchObject({
      setting: { mode: 'life', pods: 4, seed: 7, compared: false },
      actions: [
        { atMs: 1_000, what: 'crash', pod: 'pod-3' },
        { atMs: 2_000, what: 'delete-foreground', pod: 'leader' },
        { atMs: 3_000, what: 'stop', pod: 'pod-2', forMs: 500 },
        { atMs: 4_000, what: 'gc', forMs: 9_000 },
      ],
    });
  });

  it('says what the playground cannot show', () => {
    const link = playgroundLink(
      scheduleOf(
        'life',
        'life',
        'life {"clock":{"rate":2,"startMs":0,"wallOffsetMs":0}}',
        '0 start {"slot":0}',
        '1500 start {"slot":1}',
        '2000 cut off {"slot":0,"cut":"answers","forMs":10}',
        '3000 finish {"slot":"last leader"}',
      ),
    );
    expect(read(link?.fragment ?? '').actions).toEqual([]);
    expect(link?.missing).toEqual([
      'only 2 candidates: 3 Pods play',
      'clocks that run 1, 2 times as fast',
      'at 1.5 s: pod-1 shall ask to lead',
      'at 2 s: pod-0 is cut off (answers) for 10 ms',
      'at 3 s: the last leader shall give up what it leads',
    ]);
  });

  it('is not there for what the playground cannot play', () => {
    expect(playgroundLink(scheduleOf('mixed', 'life', 'lease'))).toBeUndefined();
  });
});

describe('a schedule in which two leaders work at the same time', () => {
  it('does so in the playground, for as long', async () => {
    const times = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };
    const details = { times, releaseOnCancel: true, requestTimeoutMs: 5_000 };
    const schedule = scheduleOf(
      'lease',
      `client-go client-go client-go ${JSON.stringify(details)}`,
      ...[0, 1, 2].map((slot) => `0 start {"slot":${slot}}`),
      '5000 stop elector {"slot":"leader","forMs":20000}',
    );
    const overlapMs = await overlapOf(schedule);
    const link = playgroundLink(schedule);
    expect(link?.missing).toEqual([]);
    const show = await Show.open(link?.fragment ?? '');
    await show.advance(schedule.setting.troubleMs);
    const [ours, theirs] = show.worlds as [Shown, Shown];
    expect(theirs.rules).toBe('client-go');
    // Both have random numbers of their own; the leader works on until its deadline.
    expect(Math.abs(theirs.ledger.overlapMs - overlapMs)).toBeLessThan(2_500);
    expect(overlapMs).toBeGreaterThan(7_500);
    expect(ours.ledger.overlapMs).toBe(0);
    await show.close();
  });
});

/** For how long several processes work as the leader in the simulator. */
async function overlapOf(schedule: Schedule): Promise<number> {
  let sinceMs: number | undefined;
  let overlapMs = 0;
  await play(schedule, (world) => {
    world.listen(({ type }) => {
      if (type !== 'settled') return;
      const now = world.clock.now();
      if (sinceMs !== undefined) overlapMs += now - sinceMs;
      sinceMs = world.leaders.length > 1 ? now : undefined;
    });
  });
  return overlapMs;
}
