import { describe, expect, onTestFinished, test } from 'vitest';

import { observeLockIn } from '../../lib/observe/observe.ts';
import { SimulatedSurroundings, Simulation, kubeConfig } from '../life/simulation.ts';
import { LeaseProcess, untilAborted } from '../lease/simulation.ts';

const HOUR_MS = 3_600_000;

/** A cluster behind a proxy that passes the heads of watches at once, and holds their bodies. */
async function world(): Promise<Simulation> {
  const simulation = await Simulation.withPods();
  simulation.fault({ verb: 'watch', freeze: true });
  return simulation;
}

function warned(what: string) {
  return {
    code: 'LEADER_FOR_LIFE_SILENT_WATCH',
    message: expect.stringMatching(
      new RegExp(
        '^WATCH /api.* \\(metadata.name=lock\\): ' +
          '(it has shown nothing for 5 s, although the object exists|silent for 150000 ms); ' +
          'a proxy on the way to the API server seems to hold back responses. ' +
          `${what}.*polled instead of watched`,
      ),
    ) as string,
  };
}

describe('behind a proxy that holds back what watches show,', () => {
  test.for([4_000, 60_000, HOUR_MS])(
    'a Lease that is released after %i ms is taken within a retry period',
    async (ms) => {
      const simulation = await world();
      const { clock, cluster, warnings } = simulation;
      const [a, b] = [new LeaseProcess(simulation, 'a'), new LeaseProcess(simulation, 'b')];
      const stop = new AbortController();
      const first = a.lead(untilAborted, { signal: stop.signal });
      first.catch(() => undefined);
      await clock.advance(1_000);
      const second = Promise.withResolvers<undefined>();
      void b.lead((leadership) => {
        second.resolve(undefined);
        return untilAborted(leadership);
      });
      await clock.advance(ms);
      // In the end, the leader's own watch has been silent for long enough, too.
      const count = [4_000, 60_000, HOUR_MS].indexOf(ms);
      expect(warnings).toEqual(Array(count).fill(warned('The election of default/lock continues')));
      stop.abort();
      await simulation.settled(second.promise, 2_000 + 100);
      expect(cluster.requests.count({ user: 'b', verb: 'update' })).toBe(1);
    },
  );

  test.for([4_000, 60_000, HOUR_MS])(
    'a lock for life that is released after %i ms is taken within maxBackoffMs',
    async (ms) => {
      const simulation = await world();
      const { clock, cluster, warnings } = simulation;
      const leadership = await simulation.lead('a');
      const next = simulation.become('b');
      await clock.advance(ms);
      const count = Math.min([4_000, 60_000, HOUR_MS].indexOf(ms), 1);
      expect(warnings).toEqual(Array(count).fill(warned('The election of default/lock continues')));
      await simulation.settled(leadership.release());
      await simulation.settled(next, 16_000 + 100);
      expect(warnings.length).toBeLessThanOrEqual(1);
      // A look every 8 s or more, at the lock and its holder; and now and then a watch.
      const looks = Math.ceil((ms + 16_000) / 8_000);
      expect(cluster.requests.count({ user: 'b' })).toBeLessThan(2.5 * looks + 30);
    },
  );

  test('a guard notices within maxBackoffMs that the lock is gone, and warns once', async () => {
    const simulation = await world();
    const { clock, cluster, warnings } = simulation;
    const leadership = await simulation.lead('a', { guard: true });
    await clock.advance(HOUR_MS);
    expect(leadership.signal.aborted).toBe(false);
    expect(warnings).toEqual([warned('The election of default/lock continues')]);
    cluster.deleteConfigMap('lock');
    await clock.advance(16_000 + 100);
    expect(leadership.signal.aborted).toBe(true);
  });

  test('observers are told within five seconds, and warn once', async () => {
    const simulation = await world();
    const { clock, cluster, warnings } = simulation;
    const stop = new AbortController();
    onTestFinished(() => {
      stop.abort();
    });
    const platform = new SimulatedSurroundings(simulation, 'onlooker');
    const options = { kubeConfig, namespace: 'default', signal: stop.signal };
    const seen: (string | undefined)[] = [];
    void (async () => {
      for await (const holder of observeLockIn(platform, 'lock', options)) {
        seen.push(holder?.podName);
      }
    })();
    await clock.advance(299_000);
    expect(warnings).toEqual([]);
    const leadership = await simulation.lead('a');
    await clock.advance(5_000);
    expect(seen).toEqual([undefined, 'a']);
    await clock.advance(HOUR_MS);
    expect(warnings).toEqual([warned('ConfigMap default/lock is')]);
    await simulation.settled(leadership.release());
    await clock.advance(5_000);
    expect(seen).toEqual([undefined, 'a', undefined]);
    // A read every 4 to 5 s, and now and then a watch.
    const perHour = HOUR_MS / 4_000;
    expect(cluster.requests.count({ user: 'onlooker' })).toBeLessThan(2 * perHour + 200);
  });
});
