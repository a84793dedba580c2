import { describe, expect } from 'vitest';

import { MERGE } from '../lab/pods.ts';
import { nowMs } from '../lab/say.ts';
import { type CliPodOptions, type CliScene, cliScenario } from './cli-scene.ts';
import type { Term } from './journal.ts';

const MODES = { 'for life': ['lock'], 'by a Lease': ['--lease', 'lock'] } as const;

/** Pod `a` leads, `b` waits. When this has been done to `a`, another worker begins. */
async function handsOver(
  cli: CliScene,
  args: readonly string[],
  end: (leader: Term) => Promise<unknown>,
  options: CliPodOptions = {},
): Promise<{ first: Term; next: Term }> {
  const spec = cli.runs(args, options);
  await cli.pod('a', spec);
  const led = await cli.acting();
  await cli.pod('b', spec);
  await cli.writes('b', ' leads');
  await end(led);
  const next = await cli.acting(led);
  const first = cli.scene.terms.find(({ run }) => run === led.run) ?? led;
  console.log(
    `${next.pod} began ${Math.round(next.fromMs - first.toMs)} ms after the last act of a`,
  );
  return { first, next };
}

const kill = async (cli: CliScene, program: string) => {
  process.kill(await cli.processOf('a', program), 'SIGKILL');
};

for (const [title, args] of Object.entries(MODES)) {
  describe.concurrent(`a Python worker under run, ${title}`, () => {
    cliScenario(
      'a rolling update: it ends by itself, and one of the new Pods goes on',
      async (cli) => {
        const { scene } = cli;
        await cli.deployment('worker', 3, cli.runs(args));
        const first = await cli.acting();
        const old = (await scene.pods()).map(({ metadata }) => metadata?.uid);
        const metadata = { annotations: { 'example.com/version': '2' } };
        const body = { spec: { template: { metadata } } };
        const { namespace } = scene;
        await scene.apps.patchNamespacedDeployment({ namespace, name: 'worker', body }, MERGE);
        await scene.until('all Pods are new', async () => {
          const pods = await scene.pods();
          return pods.length === 3 && !pods.some((pod) => old.includes(pod.metadata?.uid));
        });
        const last = await scene.until('one of them acts', () =>
          scene.terms.findLast(({ isOpen, uid }) => isOpen && !old.includes(uid)),
        );
        expect(last.uid).not.toBe(first.uid);
        const ends = scene.saidBy(first.pod).map(({ event }) => event);
        expect(ends).toEqual(['start', 'leading', 'sigterm', 'exit']);
      },
    );

    for (const [victim, program] of [
      ['run', 'node'],
      ['the worker', 'python'],
      ['the first process of the container', 'tini'],
    ] as const) {
      cliScenario(
        `SIGKILL of ${victim}: no worker begins before the last has ended`,
        async (cli) => {
          const { first } = await handsOver(cli, args, () => kill(cli, program));
          expect(cli.scene.saidBy(first.pod).some(({ event }) => event === 'sigterm')).toBe(false);
        },
      );
    }

    cliScenario(
      'SIGKILL of run in a Pod that does not restart: another Pod goes on',
      async (cli) => {
        const options = { restartPolicy: 'Never' };
        const { next } = await handsOver(cli, args, () => kill(cli, 'node'), options);
        expect(next.pod).toBe('b');
      },
    );

    cliScenario('an eviction: it ends by itself, and another Pod goes on', async (cli) => {
      const { core, namespace } = cli.scene;
      const body = { metadata: { name: 'a' } };
      const { next } = await handsOver(cli, args, () =>
        core.createNamespacedPodEviction({ namespace, name: 'a', body }),
      );
      expect(next.pod).toBe('b');
      const ends = cli.scene.saidBy('a').map(({ event }) => event);
      expect(ends).toEqual(['start', 'leading', 'sigterm', 'exit']);
    });
  });
}

describe.concurrent('a Pod that is cut off from the API server', () => {
  const cutOff = async (cli: CliScene) => {
    const { status } = (await cli.scene.findPod('a')) ?? {};
    cli.gateway.cut(status?.podIP ?? '');
  };

  for (const how of ['ends at once', 'ignores SIGTERM'] as const) {
    cliScenario(`by a Lease: a worker that ${how} is dead before the next begins`, async (cli) => {
      const env = { ON_SIGTERM: how === 'ignores SIGTERM' ? 'ignore' : 'end' };
      const args = MODES['by a Lease'];
      const { first, next } = await handsOver(cli, args, () => cutOff(cli), { env });
      expect(next.pod).toBe('b');
      const [asked] = cli.scene.saidBy('a').filter(({ event }) => event === 'sigterm');
      expect(asked?.atMs).toBeLessThan(next.fromMs);
      // The one that ignores it was killed: it has not said that it ends.
      expect(first.isOpen || how === 'ends at once').toBe(true);
      expect(first.toMs).toBeLessThan(next.fromMs);
    });
  }

  cliScenario('for life: its worker goes on, and nobody else begins', async (cli) => {
    const spec = cli.runs(MODES['for life']);
    await cli.pod('a', spec);
    const led = await cli.acting();
    await cli.pod('b', spec);
    await cli.writes('b', ' leads');
    await cutOff(cli);
    const sinceMs = nowMs();
    // Longer than a Lease would have lasted.
    const goesOn = () => cli.scene.terms.find(({ run }) => run === led.run);
    await cli.scene.until('it goes on', () => (goesOn()?.toMs ?? 0) > sinceMs + 20_000);
    expect(cli.scene.terms).toHaveLength(1);
  });
});
