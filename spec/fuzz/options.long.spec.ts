/** Every option of every function, as anything: a `TypeError` that names it, or correct work. */
import fc from 'fast-check';
import { describe, expect } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { LeaderElector, LeaderHealthzAdaptor, LeaseLock } from '../../lib/index.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';
import { hostileChanges, hostileValue } from './hostile.ts';
import { property } from './runs.ts';
import { expectTyped } from './witness.ts';

type Options = Readonly<Record<string, unknown>>;

/** Something that can be called with options, in a cluster in which nothing is in its way. */
interface Target {
  /** Right as they are. */
  readonly given: Options;
  /** What else there is. */
  readonly others: readonly string[];
  /** Resolves once it is done, and has given back what it took. */
  call(platform: SimulatedSurroundings, name: unknown, options: never): unknown;
}

const lease = { kubeConfig, namespace: 'default', identity: 'me' };
const durations = ['leaseDurationMs', 'renewDeadlineMs', 'retryPeriodMs'];
const election = [...durations, 'releaseOnCancel', 'enabled', 'metrics', 'events'];

const callbacks = { onStartedLeading: () => undefined, onStoppedLeading: () => undefined };
const newLock = () => new LeaseLock({ ...lease, name: 'lock' });

/** Runs an elector, and aborts it after this time. */
async function run(elector: LeaderElector, platform: SimulatedSurroundings, ms: number) {
  const stop = new AbortController();
  const running = elector.run(stop.signal);
  platform.clock.after(ms, () => {
    stop.abort();
  });
  await running;
}

const targets: Readonly<Record<string, Target>> = {
  become: {
    given: { kubeConfig, namespace: 'default', podName: 'mine', podUid: undefined },
    others: [
      ...['signal', 'timeoutMs', 'maxBackoffMs', 'labels', 'annotations', 'guard'],
      ...['takeOverFromNotReadyNodeAfterMs', 'onWaiting'],
    ],
    call: async (platform, name, options) => {
      const leadership = await becomeOn(platform, name as string, options);
      await leadership.release();
    },
  },
  lead: {
    given: lease,
    others: [...election, 'signal', 'recampaign', 'labels', 'annotations'],
    call: (platform, name, options) => leadOn(platform, name as string, () => 1, options),
  },
  LeaderElector: {
    given: { lock: newLock(), callbacks },
    others: [...election, 'name', 'watchDog'],
    call: (platform, _, options) => run(new LeaderElector(options, platform), platform, 30_000),
  },
  'the callbacks of a LeaderElector': {
    given: callbacks,
    others: ['onNewLeader'],
    call: (platform, _, options) =>
      run(new LeaderElector({ lock: newLock(), callbacks: options }, platform), platform, 30_000),
  },
  LeaseLock: {
    given: { ...lease, name: 'lock' },
    others: ['labels', 'annotations'],
    call: (platform, _, options) => {
      const config = { lock: new LeaseLock(options), callbacks, releaseOnCancel: true };
      return run(new LeaderElector(config, platform), platform, 1_000);
    },
  },
  ...Object.fromEntries(
    Object.entries({ observeLeaseIn, observeLockIn }).map(([name, observe]): [string, Target] => [
      name,
      {
        given: { kubeConfig, namespace: 'default', signal: undefined },
        others: [],
        call: async (platform, name, options) => {
          for await (const holder of observe(platform, name as string, options)) return holder;
          return undefined;
        },
      },
    ]),
  ),
};

/** A renewal every attosecond would let simulated time stand still. */
function patient(value: unknown): unknown {
  return typeof value === 'number' && value > 0 && value < 100 ? 100 : value;
}

/** What a call rejects with in a cluster of its own; undefined if it resolves. */
async function errorOf(target: Target, name: unknown, optionsOf: (right: Options) => unknown) {
  const simulation = await Simulation.create();
  const pod = simulation.cluster.createPod('mine');
  const platform = new SimulatedSurroundings(simulation, 'mine');
  const podUid = 'podUid' in target.given ? { podUid: pod.metadata.uid } : {};
  const options = optionsOf({ ...target.given, ...podUid });
  try {
    const call = async () => await target.call(platform, name, options as never);
    const outcome = call().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const failure = await simulation.settled(outcome, 7 * 24 * 3_600_000);
    if (failure) expectTyped(failure.error);
    expect(simulation.open).toBe(0);
    return failure;
  } finally {
    await simulation.cluster.close();
  }
}

/** An object without properties is one without options. */
function isEmpty(value: unknown): boolean {
  const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isPlain && Object.keys(value).length === 0;
}

describe.each(Object.entries(targets))('%s', (_, target) => {
  property(
    'works with any options, or throws an error that names the bad one',
    300,
    [
      hostileChanges([...Object.keys(target.given), ...target.others], hostileValue.map(patient)),
      fc.oneof({ weight: 4, arbitrary: fc.constant('lock') }, hostileValue),
    ],
    (changed, name) => errorOf(target, name, (right) => ({ ...right, ...changed })),
  );

  property(
    'throws for anything in place of its options',
    100,
    [hostileValue.filter((value) => value !== undefined && !isEmpty(value))],
    async (options) => {
      expect(await errorOf(target, 'lock', () => options)).toBeDefined();
    },
  );
});

property(
  'LeaderHealthzAdaptor throws a typed error for any elector that is none',
  1_000,
  [hostileValue, hostileValue],
  (timeoutMs, elector) => {
    const adapt = () => {
      const adaptor = new LeaderHealthzAdaptor(timeoutMs as number);
      adaptor.check();
      adaptor.setLeaderElection(elector as LeaderElector);
    };
    expect(thrownBy(adapt)).toBeDefined();
  },
);

property(
  'LeaderElector.run throws a typed error for any signal that is none; check works with anything',
  300,
  [hostileValue.filter((value) => value !== undefined)],
  async (value) => {
    const elector = new LeaderElector({ lock: newLock(), callbacks });
    const run = elector.run(value as AbortSignal);
    expectTyped(await run.catch((error: unknown) => error));
    thrownBy(() => {
      elector.check(value as number);
    });
  },
);

property(
  'LeaseLock.update refuses any version that it has not read',
  50,
  [hostileValue],
  async (object) => {
    const times = { acquireTime: undefined, renewTime: undefined };
    const term = { holderIdentity: 'me', leaseDurationSeconds: 15, leaseTransitions: 0 };
    const record = { ...term, ...times };
    const version = { record, resourceVersion: '1', object };
    const stop = AbortSignal.abort(new Error('the test is over'));
    await expect(newLock().update(version, record, stop)).rejects.toThrow();
  },
);

/** What a call throws, which has to be a typed error; undefined if it returns. */
function thrownBy(call: () => void): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    expectTyped(error);
    return error;
  }
}
