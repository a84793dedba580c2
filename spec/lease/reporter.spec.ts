import { format } from 'node:util';

import createDebug from 'debug';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { LeaderElectionError } from '../../lib/errors.ts';
import type { LeaderMetrics } from '../../lib/events/metrics.ts';
import { EventStream } from '../../lib/events/stream.ts';
import { openLock } from '../../lib/lease/lease-lock.ts';
import { Reporter } from '../../lib/lease/reporter.ts';
import type { ResourceLock } from '../../lib/lease/resource-lock.ts';
import { createLog } from '../../lib/platform/log.ts';
import { aStart, aVersion } from '../protocol/lease/fixtures.ts';
import { enough, world } from './scene.ts';
import { Outcome, untilAborted } from './simulation.ts';

const { log: original } = createDebug;
let logged: string[];

beforeEach(() => {
  logged = [];
  createDebug.enable('leader-for-life:lease');
  createDebug.log = (...parts: unknown[]) => {
    logged.push(format(...parts).replace(/^.*leader-for-life:lease /, ''));
  };
});

afterEach(() => {
  createDebug.disable();
  createDebug.log = original;
});

const version = aVersion('7', { holderIdentity: 'a' });
const acquired = { version, proven: () => ({ nowMs: 0, bootMs: 0, forMs: 10_000 }) };

async function reporterOf(
  metrics?: LeaderMetrics,
  recordEvent?: NonNullable<ResourceLock['recordEvent']>,
) {
  const { simulation, clock, a } = await world();
  const { platform } = a;
  const subject = { mode: 'lease', name: 'mine', namespace: '', identity: 'a' } as const;
  const log = createLog('lease');
  const events = new EventStream({ clock, subject, onEvent: undefined, log, warn: platform.warn });
  const reporter = new Reporter({
    ...{ clock, events },
    name: 'mine',
    metrics,
    onNewLeader: undefined,
    onWaiting: undefined,
  });
  const lock = {
    identity: 'a',
    describe: () => 'default/my-lease',
    get: () => Promise.resolve(version),
    create: () => Promise.resolve('conflict' as const),
    update: () => Promise.resolve('conflict' as const),
    ...(recordEvent && { recordEvent }),
  };
  reporter.attend(await openLock(lock, platform, 5_000, true));
  const report = (failures: number, trouble?: unknown) => {
    reporter.onState({ ...aStart(), failures }, trouble);
  };
  return { clock, warnings: simulation.warnings, events, reporter, report };
}

describe('the log', () => {
  test('shows the phases and the holders, as the documentation has it', async () => {
    const { simulation, clock, a, b } = await world();
    const stop = new AbortController();
    const first = a.lead(untilAborted, { signal: stop.signal });
    await clock.advance(60_000);
    stop.abort(enough);
    await expect(simulation.settled(first)).rejects.toBe(enough);
    await simulation.settled(b.lead(() => 'done'));
    const term = (name: string) => [
      'default/lock: following, written: leading',
      `default/lock: ${name} leads`,
      'default/lock: leading, finish: releasing',
      'default/lock: releasing, written: ended',
      'default/lock: nobody leads',
    ];
    expect(logged).toEqual([...term('a'), ...term('b')]);
  });

  test('names the elector where nothing is elected', async () => {
    const { reporter } = await reporterOf();
    reporter.attend(undefined);
    reporter.onLeader('a');
    expect(logged).toEqual(['mine: a leads']);
  });
});

describe('trouble', () => {
  test('is logged each time, and warned of once, when it has lasted for ten seconds', async () => {
    const { clock, warnings, reporter, report } = await reporterOf();
    report(1, new Error('broken'));
    report(1);
    await clock.advance(9_999);
    report(2, new Error('broken'));
    expect(warnings).toEqual([]);
    expect(logged).toEqual(['default/my-lease: broken', 'default/my-lease: broken']);
    await clock.advance(1);
    report(3, 'worse');
    report(4, 'worse');
    const message = 'default/my-lease: still trying: worse';
    expect(warnings).toEqual([{ code: 'LEADER_FOR_LIFE_TROUBLE', message }]);
    expect(logged).toContain(`default/my-lease: ${message}`);
    expect(reporter.trouble).toBe('worse');
  });

  test('is over once a request has succeeded', async () => {
    const { clock, warnings, reporter, report } = await reporterOf();
    for (let count = 0; count < 10; count += 1) {
      report(1, new Error('broken'));
      await clock.advance(6_000);
      report(0);
      expect(reporter.trouble).toBeUndefined();
    }
    expect(warnings).toEqual([]);
  });

  test('with a watch is logged, and warned of if the watch is refused for good', async () => {
    const { warnings, reporter } = await reporterOf();
    reporter.onUnwatched(new Error('broken'));
    expect(warnings).toEqual([]);
    reporter.onUnwatched(new LeaderElectionError('ERR_FORBIDDEN', 'No right to watch.'));
    expect(logged.slice(0, 2)).toEqual([
      'default/my-lease: not watched: broken',
      'default/my-lease: not watched: No right to watch.',
    ]);
    expect(warnings).toEqual([
      {
        code: 'LEADER_FOR_LIFE_DEGRADED',
        message:
          'No right to watch.\nThe election of default/my-lease continues, but the Lease is ' +
          'polled instead of watched, so a takeover takes longer.',
      },
    ]);
  });
});

describe('metrics', () => {
  const occasions = {
    on: (reporter: Reporter) => reporter.onStarted(acquired, 0),
    off: (reporter: Reporter) => reporter.onStopped(version),
    slowpathExercised: (reporter: Reporter) => reporter.onSlowPath(),
  };
  const names = ['on', 'off', 'slowpathExercised'] as const;

  test.for(names)('that throw from %s are warned of', async (name) => {
    const metrics = { on: vi.fn(), off: vi.fn(), slowpathExercised: vi.fn() };
    const { warnings, reporter } = await reporterOf(metrics);
    metrics[name].mockImplementation(() => {
      throw new Error('broken');
    });
    occasions[name](reporter);
    expect(metrics[name]).toHaveBeenLastCalledWith('mine');
    expect(warnings).toEqual([
      { code: 'LEADER_FOR_LIFE_METRICS', message: 'metrics threw: broken' },
    ]);
  });

  test.for(names)('that were not asked for are no trouble (%s)', async (name) => {
    const { warnings, events, reporter } = await reporterOf();
    occasions[name](reporter);
    await events.recorded();
    expect(warnings).toEqual([]);
  });
});

describe('Events', () => {
  test('are all waited for, and none waits for another', async () => {
    const started: string[] = [];
    const ends = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const { clock, events, reporter } = await reporterOf(undefined, async (what) => {
      started.push(what);
      await ends[started.length - 1]?.promise;
    });
    reporter.onStarted(acquired, 0);
    reporter.onStopped(version);
    expect(started).toEqual(['became leader', 'stopped leading']);
    const recorded = new Outcome(events.recorded());
    for (const end of ends.toReversed()) {
      await clock.settle();
      expect(recorded.isPending).toBe(true);
      end.resolve(undefined);
    }
    await clock.settle();
    expect(recorded.state).toBe('resolved');
  });

  test('are waited for, the last one too', async () => {
    const last = Promise.withResolvers<undefined>();
    const { clock, events, reporter } = await reporterOf(undefined, (what) =>
      what === 'stopped leading' ? last.promise : Promise.resolve(),
    );
    reporter.onStarted(acquired, 0);
    reporter.onStopped(version);
    const recorded = new Outcome(events.recorded());
    await clock.settle();
    expect(recorded.isPending).toBe(true);
    last.resolve(undefined);
    await clock.settle();
    expect(recorded.state).toBe('resolved');
  });
});
