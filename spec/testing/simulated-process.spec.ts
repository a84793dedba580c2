import { describe, expect, test } from 'vitest';

import { become, lead, LeaderElector, LeaseLock, observeLease } from '../../lib/index.ts';
import { createCluster, SimulatedClock, type Transport } from '../../lib/testing/index.ts';

const it = test
  .extend('clock', () => new SimulatedClock())
  .extend('cluster', async ({ clock }, { onCleanup }) => {
    const created = await createCluster({ http: false, clock });
    onCleanup(() => created.close());
    return created;
  });

const untilAborted = ({ signal }: { readonly signal: AbortSignal }) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });

describe('optionsFor, without a port', () => {
  it('lets become wait for an hour of simulated time', async ({ clock, cluster }) => {
    const [a, b] = [cluster.createPod('a'), cluster.createPod('b')];
    const first = await become('lock', cluster.optionsFor(a));
    const next = become('lock', cluster.optionsFor(b));
    await clock.advance(3_600_000);
    await first.release();
    expect(await next).toMatchObject({ podName: 'b', skipped: false });
    expect((await next).waitedMs).toBeGreaterThanOrEqual(3_600_000);
  });

  it('is one process: two calls of a Pod for one lock', async ({ cluster }) => {
    const pod = cluster.createPod('a');
    await become('lock', cluster.optionsFor(pod));
    const again = become('lock', cluster.optionsFor(pod));
    await expect(again).rejects.toMatchObject({ code: 'ERR_ALREADY_RUNNING' });
  });

  it('names the elector after its Pod', async ({ clock, cluster }) => {
    const { kubeConfig } = cluster.optionsFor(cluster.createPod('a'));
    void lead('lease', untilAborted, { kubeConfig });
    await clock.runUntil(() => cluster.getLease('lease') !== undefined);
    expect(cluster.getLease('lease')?.spec?.holderIdentity).toMatch(/^a_/);
  });

  it('runs a LeaderElector, with either kind of lock', async ({ clock, cluster }) => {
    const { kubeConfig } = cluster.optionsFor(cluster.createPod('a'));
    const locks = [
      new LeaseLock({ name: 'one', identity: 'a', kubeConfig }),
      cluster.leaseLock({ name: 'other', identity: 'a' }),
    ];
    for (const lock of locks) {
      const stop = new AbortController();
      const callbacks = { onStartedLeading: () => undefined, onStoppedLeading: () => undefined };
      const elector = new LeaderElector({ lock, callbacks });
      const run = elector.run(stop.signal);
      await clock.advance(600_000);
      expect(elector.isLeader()).toBe(true);
      stop.abort();
      await clock.advance(10_000);
      await run;
    }
  });

  it('observes', async ({ clock, cluster }) => {
    const pod = cluster.createPod('a');
    const { kubeConfig } = cluster.optionsFor(pod);
    void lead('lease', untilAborted, { kubeConfig, identity: 'a' });
    const seen: (string | undefined)[] = [];
    const stop = new AbortController();
    const { signal } = stop;
    const observing = (async () => {
      for await (const holder of observeLease('lease', { kubeConfig, signal }))
        seen.push(holder?.identity);
    })();
    await clock.advance(10_000);
    stop.abort();
    await observing;
    expect(seen.at(-1)).toBe('a');
  });
});

describe('optionsFor, with a clock or a transport', () => {
  it('is a process of its own, whose clock may run fast', async ({ clock, cluster }) => {
    const fast = new SimulatedClock();
    const pod = cluster.createPod('a');
    await become('lock', cluster.optionsFor(pod));
    // Another process of this Pod: only the registry of a process would refuse it.
    const again = become('lock', cluster.optionsFor(pod, { clock: fast }));
    expect((await again).skipped).toBe(false);
    const waits = become('lock', {
      ...cluster.optionsFor(cluster.createPod('b'), { clock: fast }),
      timeoutMs: 5_000,
    });
    const refused = expect(waits).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await clock.settle();
    await fast.advance(5_000);
    await refused;
  });

  it('sends its requests through the transport, even if there is a port', async () => {
    const cluster = await createCluster();
    try {
      const inner = cluster.transport();
      const paths: string[] = [];
      const transport: Transport = {
        send: (request, signal) => {
          paths.push(request.path);
          return inner.send(request, signal);
        },
        close: () => inner.close(),
      };
      await become('lock', cluster.optionsFor(cluster.createPod('a'), { transport }));
      expect(paths).toContain('/api/v1/namespaces/default/configmaps');
    } finally {
      await cluster.close();
    }
  });

  it('checks its options', ({ cluster }) => {
    const pod = cluster.createPod('a');
    const wrong = (options: object) => () => cluster.optionsFor(pod, options);
    expect(wrong({ clock: {} })).toThrow('options.clock must be a Clock');
    expect(wrong({ transport: 1 })).toThrow('options.transport must be a Transport');
    expect(wrong({ time: 1 })).toThrow(TypeError);
  });
});
