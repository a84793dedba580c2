/** Every option of every function, as anything: a `TypeError` that names it, or correct work. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { becomeOn } from '../../lib/life/become.ts';
import { LeaderElector, LeaderHealthzAdaptor, LeaseLock } from '../../lib/index.ts';
import { leadOn } from '../../lib/lease/lead.ts';
import { observeLeaseIn, observeLockIn } from '../../lib/observe/observe.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';
import { hostileValue } from './hostile.ts';
import { Aftermath, PATIENCE_MS, runs } from './runs.ts';
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
const record = {
  holderIdentity: 'me',
  leaseDurationSeconds: 15,
  acquireTime: undefined,
  renewTime: undefined,
  leaseTransitions: 0,
};

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
    given: { lock: new LeaseLock({ ...lease, name: 'lock' }), callbacks },
    others: [...election, 'name', 'watchDog'],
    call: async (platform, _, options) => {
      const stop = new AbortController();
      const elector = new LeaderElector(options, platform);
      const running = elector.run(stop.signal);
      platform.clock.after(30_000, () => {
        stop.abort();
      });
      await running;
    },
  },
  'the callbacks of a LeaderElector': {
    given: callbacks,
    others: ['onNewLeader'],
    call: (platform, name, options) => {
      const lock = new LeaseLock({ ...lease, name: 'lock' });
      const config = { lock, callbacks: options };
      return targets['LeaderElector']?.call(platform, name, config as never);
    },
  },
  LeaseLock: {
    given: { ...lease, name: 'lock' },
    others: ['labels', 'annotations'],
    call: async (platform, _, options) => {
      const lock = new LeaseLock(options);
      const stop = new AbortController();
      const elector = new LeaderElector({ lock, callbacks, releaseOnCancel: true }, platform);
      platform.clock.after(1_000, () => {
        stop.abort();
      });
      await elector.run(stop.signal);
    },
  },
  observeLease: {
    given: { kubeConfig, namespace: 'default', signal: undefined },
    others: [],
    call: async (platform, name, options) => {
      for await (const holder of observeLeaseIn(platform, name as string, options)) return holder;
      return undefined;
    },
  },
  observeLock: {
    given: { kubeConfig, namespace: 'default', signal: undefined },
    others: [],
    call: async (platform, name, options) => {
      for await (const holder of observeLockIn(platform, name as string, options)) return holder;
      return undefined;
    },
  },
};

/** Who asks for a renewal every attosecond gets it, and simulated time stands still. */
function patient(value: unknown): unknown {
  return typeof value === 'number' && value > 0 && value < 100 ? 100 : value;
}

/** Takes the names that there are, and some that there are not. */
const keys = ({ given, others }: Target) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...Object.keys(given), ...others) },
    { weight: 1, arbitrary: fc.constantFrom('constructor', '__proto__', 'a\nb', 'toString', '') },
  );

describe.each(Object.entries(targets))('%s', (_, target) => {
  test(
    'takes any option for what it is, or says what it is not',
    async () => {
      const changes = fc.dictionary(keys(target), hostileValue.map(patient), { maxKeys: 3 });
      const name = fc.oneof({ weight: 4, arbitrary: fc.constant('lock') }, hostileValue);
      await fc.assert(
        fc.asyncProperty(changes, name, async (changed, lockName) => {
          using aftermath = new Aftermath();
          const simulation = await Simulation.create();
          const pod = simulation.cluster.createPod('mine');
          const platform = new SimulatedSurroundings(simulation, 'mine');
          const podUid = 'podUid' in target.given ? { podUid: pod.metadata.uid } : {};
          const options = { ...target.given, ...podUid, ...changed };
          try {
            const call = async () => await target.call(platform, lockName, options as never);
            const outcome = await simulation.settled(
              call().then(
                () => undefined,
                (error: unknown) => ({ error }),
              ),
              7 * 24 * 3_600_000,
            );
            if (outcome) expectTyped(outcome.error);
            expect(simulation.open).toBe(0);
            aftermath.check();
          } finally {
            await simulation.cluster.close();
          }
        }),
        runs(300),
      );
    },
    PATIENCE_MS,
  );

  test(
    'takes anything in place of its options for what it is',
    async () => {
      await fc.assert(
        fc.asyncProperty(hostileValue, async (options) => {
          fc.pre(options !== undefined && !isEmpty(options));
          using aftermath = new Aftermath();
          const simulation = await Simulation.create();
          const platform = new SimulatedSurroundings(simulation, 'mine');
          const call = async () => await target.call(platform, 'lock', options as never);
          const error = await simulation.settled(call().catch((reason: unknown) => reason));
          expectTyped(error);
          aftermath.check();
          await simulation.cluster.close();
        }),
        runs(100),
      );
    },
    PATIENCE_MS,
  );
});

/** An object without properties is one without options. */
function isEmpty(value: unknown): boolean {
  const isPlain = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isPlain && Object.keys(value).length === 0;
}

test('LeaderHealthzAdaptor takes anything for what it is', () => {
  fc.assert(
    fc.property(hostileValue, hostileValue, (timeoutMs, elector) => {
      using aftermath = new Aftermath();
      try {
        const adaptor = new LeaderHealthzAdaptor(timeoutMs as number);
        adaptor.check();
        adaptor.setLeaderElection(elector as LeaderElector);
        throw new Error('an elector was expected');
      } catch (error) {
        expectTyped(error);
      }
      aftermath.check();
    }),
    runs(1_000),
  );
});

test('LeaderElector.check and run take anything for what it is', async () => {
  await fc.assert(
    fc.asyncProperty(hostileValue, async (value) => {
      fc.pre(value !== undefined);
      using aftermath = new Aftermath();
      const lock = new LeaseLock({ ...lease, name: 'lock' });
      const elector = new LeaderElector({ lock, callbacks });
      const run = elector.run(value as AbortSignal);
      expectTyped(await run.catch((error: unknown) => error));
      try {
        elector.check(value as number);
      } catch (error) {
        expectTyped(error);
      }
      aftermath.check();
    }),
    runs(300),
  );
});

test('a LeaseLock takes no version that it has not read', async () => {
  await fc.assert(
    fc.asyncProperty(hostileValue, async (object) => {
      const simulation = await Simulation.create();
      const platform = new SimulatedSurroundings(simulation, 'mine');
      expect(platform.isAlive).toBe(true);
      const lock = new LeaseLock({ ...lease, name: 'lock' });
      const version = { record, resourceVersion: '1', object };
      const stop = AbortSignal.abort(new Error('the test is over'));
      await expect(lock.update(version, record, stop)).rejects.toThrow();
      await simulation.cluster.close();
    }),
    runs(50),
  );
});
