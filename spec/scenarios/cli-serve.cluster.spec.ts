import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';

import { type CliScene, cliScenario } from './cli-scene.ts';
import { watchedService } from './endpoints.ts';
import type { Term } from './journal.ts';

const BIN = join(import.meta.dirname, '..', '..', 'lib', 'cli', 'bin.ts');
const FOLLOWS_MS = 2_000;
const NAMES = ['a', 'b', 'c'];

/** The command line of an administrator, who is no Pod. */
async function administer(cli: CliScene, ...args: readonly string[]): Promise<string> {
  const { kubeconfig } = cli.scene.cluster;
  const place = ['--kubeconfig', kubeconfig, '--namespace', cli.scene.namespace];
  return (await promisify(execFile)(process.execPath, [BIN, ...args, ...place])).stdout;
}

async function stepDown(cli: CliScene): Promise<unknown> {
  return administer(cli, 'step-down', cli.scene.where.lockName);
}

async function remove(cli: CliScene, { pod }: Term): Promise<unknown> {
  return cli.scene.deletePod(pod);
}

async function evict({ scene: { core, namespace } }: CliScene, { pod }: Term): Promise<unknown> {
  const body = { metadata: { name: pod } };
  return core.createNamespacedPodEviction({ namespace, name: pod, body });
}

describe.concurrent('serve as a native sidecar', () => {
  cliScenario('a Service follows the leader through three handovers', async (cli) => {
    const { scene } = cli;
    const seen = await watchedService(scene, { app: 'cli', role: 'leader' });
    const leadsTo = ({ pod }: Term) =>
      scene.until(`the Service leads to ${pod}`, () => seen.at(-1)?.pods.join() === pod);

    for (const name of NAMES) await cli.pod(name, cli.served('--label', 'role=leader', 'lock'));
    let leader = await cli.acting();
    await leadsTo(leader);
    for (const handOver of [stepDown, remove, evict]) {
      const [next] = await Promise.all([cli.acting(leader), handOver(cli, leader)]);
      await leadsTo(next);
      const at = seen.findLast(({ pods }) => pods.join() !== next.pod)?.atMs ?? 0;
      const followed = seen.find(({ atMs }) => atMs > at);
      const lateMs = (followed?.atMs ?? Infinity) - next.fromMs;
      console.log(
        `${handOver.name}: the Service follows ${Math.round(lateMs)} ms after the first act`,
      );
      expect(next.pod).not.toBe(leader.pod);
      expect(lateMs).toBeLessThan(FOLLOWS_MS);
      leader = next;
    }
    expect(seen.filter(({ pods }) => pods.length > 1)).toEqual([]);
  });

  cliScenario('says in its metrics who leads, before and after a handover', async (cli) => {
    const { scene } = cli;
    for (const name of NAMES) await cli.pod(name, cli.served('--lease', 'lock'));
    const leader = await cli.acting();
    const leaders = async (): Promise<readonly string[]> => {
      const pods = (await scene.pods()).filter(({ metadata }) => !metadata?.deletionTimestamp);
      const scraped = await Promise.all(pods.map(({ status }) => scrape(status?.podIP)));
      const value = /^leader_election_master_status\{name="lock"\} (\d)$/m;
      const values = scraped.map((text) => value.exec(text)?.[1]);
      expect(values).toHaveLength(NAMES.length);
      return pods.flatMap(({ metadata }, index) =>
        values[index] === '1' ? [metadata?.name ?? ''] : [],
      );
    };
    expect(await leaders()).toEqual([leader.pod]);
    await stepDown(cli);
    const next = await cli.acting(leader);
    expect(await leaders()).toEqual([next.pod]);
    expect(next.pod).not.toBe(leader.pod);
  });
});

async function scrape(address: string | undefined): Promise<string> {
  const answer = await fetch(`http://${address}:4040/metrics`);
  return answer.text();
}

describe.concurrent('a program that used contrib’s leader-elector', () => {
  cliScenario(
    'goes on with this image, without a change of its own or of the flags',
    async (cli) => {
      const { scene } = cli;
      const args = ['--election=lock', '--http=localhost:4040', '--ttl=4s'];
      // Its Pods had no downward API.
      const env = cli.env.filter(({ valueFrom }) => !valueFrom);
      const elector = { ...cli.container('elector', { args }), env };
      const spec = cli.podSpec({ containers: [cli.worker('name'), elector] });
      for (const name of NAMES) await cli.pod(name, spec);
      const first = await cli.acting();
      await scene.deletePod(first.pod);
      const second = await cli.acting(first);
      expect(second.pod).not.toBe(first.pod);
      expect(await administer(cli, 'status', 'lock')).toContain(second.pod);
    },
  );
});
