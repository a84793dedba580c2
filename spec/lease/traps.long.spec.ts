import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { describe, expect, onTestFinished, test } from 'vitest';

import { LeaderElector } from '../../lib/lease/elector.ts';
import type { LeaseLeadership } from '../../lib/lease/lead.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';
import { createCluster } from '../../lib/testing/index.ts';
import { Simulation } from '../life/simulation.ts';
import { leading, UPDATES } from './scene.ts';
import { LeaseProcess, Outcome, untilAborted } from './simulation.ts';

const HOUR_MS = 3_600_000;

type Scene = Awaited<ReturnType<typeof leading>>;

describe('a leader leads on, and nobody else does, although', () => {
  const watches = { user: 'a', verb: 'watch' } as const;

  /** A fault that lasts for a while. */
  const fault =
    (rule: Parameters<Scene['faults']['add']>[0], forMs: number) =>
    async ({ clock, faults }: Scene) => {
      const trouble = faults.add(rule);
      await clock.advance(forMs);
      trouble.remove();
    };
  const refusedWatch = (status: number) => async (scene: Scene) => {
    scene.faults.add({ ...watches, error: { status } });
    scene.faults.cutWatches();
    await scene.clock.advance(HOUR_MS);
  };
  const jumps =
    (jumpMs: number) =>
    async ({ clock, a, b }: Scene) => {
      for (let count = 1; count <= 20; count += 1) {
        a.clock.setWall(count * jumpMs);
        b.clock.setWall(count * -jumpMs);
        await clock.advance(3_000);
      }
    };
  const timedOut = { status: 500, message: 'etcdserver: request timed out' };

  test.for<[string, (scene: Scene) => Promise<void>]>([
    ['wall clocks jump back', jumps(-HOUR_MS)],
    ['wall clocks jump ahead', jumps(HOUR_MS)],
    [
      'its wall clock stands still',
      async ({ clock, a }) => {
        a.clock.haltWall();
        await clock.advance(60_000);
      },
    ],
    ...[429, 500, 503, 504].map((status): [string, (scene: Scene) => Promise<void>] => [
      `requests are answered ${status}, to be tried again when it is too late`,
      fault({ error: { status, retryAfterSeconds: 60 } }, 6_000),
    ]),
    [
      'etcd changes its leader: requests time out, and some take effect',
      fault({ error: timedOut, when: 'after', probability: 0.4 }, 60_000),
    ],
    [
      'the API server restarts',
      async (scene) => {
        for (let count = 0; count < 5; count += 1) {
          scene.cluster.cutConnections();
          await fault({ reset: true }, 5_000)(scene);
          await scene.clock.advance(10_000);
        }
      },
    ],
    [
      'its connection is half open for a while',
      async ({ clock, a }) => {
        a.line.cut();
        await clock.advance(4_000);
        a.line.mend();
      },
    ],
    ['its watch is silent', fault({ ...watches, freeze: true }, HOUR_MS)],
    ['its watch is forbidden', refusedWatch(403)],
    ['its watch fails', refusedWatch(500)],
    ...(['before', 'after'] as const).map((when): [string, (scene: Scene) => Promise<void>] => [
      `a renewal is never answered, lost ${when} it took effect`,
      fault({ ...UPDATES, user: 'a', hang: true, when, times: 1 }, 60_000),
    ]),
  ])('%s', async ([, trouble]) => {
    const scene = await leading();
    const { clock, b, outcome, spec } = scene;
    const rival = new Outcome(b.lead(() => 'led'));
    await clock.advance(10_000);
    await trouble(scene);
    await clock.advance(60_000);
    expect([outcome.state, rival.state]).toEqual(['pending', 'pending']);
    expect(spec()).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 });
  });
});

test('LEASE-1: no two lead by clocks that differ by the ratio that is tolerated', async () => {
  const simulation = await Simulation.create();
  const slow = new LeaseProcess(simulation, 'slow', { rate: 0.8 });
  const fast = new LeaseProcess(simulation, 'fast', { rate: 0.8 * 1.49 });
  let lostMs = 0;
  const work = ({ signal }: LeaseLeadership) =>
    untilAborted({ signal }).then(() => (lostMs = simulation.clock.now()));
  void slow.lead(work);
  await simulation.clock.advance(1_000);
  const rival = fast.lead(() => simulation.clock.now());
  await simulation.clock.advance(60_000);
  slow.line.cut();
  const ledMs = await simulation.settled(rival);
  expect(lostMs).toBeGreaterThan(0);
  expect(ledMs).toBeGreaterThan(lostMs);
});

describe('LEASE-1: a process that was stopped (SIGSTOP) until another leads', () => {
  const path = fileURLToPath(new URL('child.ts', import.meta.url));

  interface Observation {
    readonly kind: string;
    readonly leads?: boolean;
  }

  test.for(['isLeader', 'signal'])(
    'sees first of all that it does not lead, by its %s',
    async (what) => {
      const cluster = await createCluster();
      onTestFinished(() => cluster.close());
      const child = spawn(process.execPath, [path, cluster.kubeConfigText(), what], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => {
        child.kill('SIGKILL');
      });
      const seen: Observation[] = [];
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (line) => {
        seen.push(JSON.parse(line) as Observation);
      });
      const ended = new AbortController();
      lines.on('close', () => {
        ended.abort(new Error('the process has ended'));
      });
      const until = async (kind: string) => {
        while (!seen.some((observation) => observation.kind === kind)) {
          await once(lines, 'line', { signal: ended.signal });
        }
      };
      await until('started');
      await until('timer');
      expect(seen.find(({ kind }) => kind === 'timer')).toMatchObject({ leads: true });
      child.kill('SIGSTOP');
      const rival = new LeaderElector({
        lock: new LeaseLock({
          name: 'lock',
          namespace: 'default',
          identity: 'rival',
          kubeConfig: cluster.kubeConfig(),
        }),
        callbacks: { onStartedLeading: () => undefined, onStoppedLeading: () => undefined },
      });
      const stop = new AbortController();
      const run = rival.run(stop.signal);
      await cluster.until(() => rival.isLeader(), 30_000);
      seen.length = 0;
      child.stdin.write('wake up\n');
      child.kill('SIGCONT');
      for (const kind of ['timer', 'input', 'ended']) await until(kind);
      stop.abort();
      await run;

      const observations = seen.filter(({ kind }) =>
        ['timer', 'immediate', 'input'].includes(kind),
      );
      for (const observation of observations) {
        expect(observation).toMatchObject({ leads: false });
      }
      expect(seen).toContainEqual({ kind: 'ended', leads: false });
    },
  );
});
