import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';

import { type CliScene, cliScenario } from './cli-scene.ts';

const BASES = join(import.meta.dirname, '..', '..', 'docs', 'deploy');

interface Shape {
  /** Which container takes part in the election. */
  readonly elector: 'containers' | 'initContainers';
  /** What stands for the command of the user's image. */
  readonly command?: readonly string[];
  /** What its app writes only if it leads. */
  readonly leads: string;
  /** How many Pods are ready while one leads. */
  readonly ready: number;
}

const worker = '"event": "leading"';
const shapes: Readonly<Record<string, Shape>> = {
  wrapper: { elector: 'containers', leads: worker, ready: 3 },
  sidecar: { elector: 'initContainers', leads: 'working', ready: 3 },
  'init-container': {
    ...{ elector: 'initContainers', leads: worker, ready: 1 },
    command: ['python', 'worker.py'],
  },
  library: { elector: 'containers', command: ['node', 'library.ts'], leads: 'leading', ready: 3 },
};

/** A base with this cluster's image, in the scene's namespace, with the way to its API server. */
async function overlay({ scene, gateway }: CliScene, name: string, shape: Shape): Promise<string> {
  const folder = join(scene.where.folder, 'overlay');
  const [newName, newTag] = scene.where.image.split(':');
  const env = { KUBERNETES_SERVICE_HOST: gateway.host, KUBERNETES_SERVICE_PORT: `${gateway.port}` };
  const template = '/spec/template/spec';
  const changes = [
    ...Object.entries(env).map(([key, value]) => ({
      path: `${template}/${shape.elector}/0/env/-`,
      value: { name: key, value },
    })),
    ...(shape.command ? [{ path: `${template}/containers/0/command`, value: shape.command }] : []),
  ].map((change) => ({ op: 'add', ...change }));
  const kustomization = {
    resources: [relative(folder, join(BASES, name))],
    namespace: scene.namespace,
    images: ['app', 'leader-for-life', 'python'].map((each) => ({ name: each, newName, newTag })),
    patches: [{ target: { kind: 'Deployment' }, patch: JSON.stringify(changes) }],
  };
  await mkdir(folder);
  await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
  return folder;
}

async function kubectl({ scene }: CliScene, ...args: readonly string[]): Promise<string> {
  const { kubectl: program, kubeconfig } = scene.cluster;
  return (await promisify(execFile)(program, ['--kubeconfig', kubeconfig, ...args])).stdout;
}

/** The Pods whose app says that it leads, of those that stay. */
async function leaders({ scene }: CliScene, { leads }: Shape): Promise<readonly string[]> {
  const { core, namespace } = scene;
  const staying = (await scene.pods()).filter(({ metadata }) => !metadata?.deletionTimestamp);
  const names = staying.map(({ metadata }) => metadata?.name ?? '');
  const logs = await Promise.all(
    // A container that has not begun has none.
    names.map((name) =>
      core.readNamespacedPodLog({ namespace, name, container: 'app' }).catch(() => ''),
    ),
  );
  return names.filter((_, index) => logs[index]?.includes(leads));
}

describe.concurrent('docs/deploy', () => {
  for (const [name, shape] of Object.entries(shapes)) {
    cliScenario(`${name}: is valid, runs, and exactly one Pod leads`, async (cli) => {
      const { scene } = cli;
      const folder = await overlay(cli, name, shape);
      const made = await kubectl(cli, 'apply', '-k', folder, '--dry-run=server', '-o', 'name');
      expect(made).toContain('deployment.apps/app');
      await kubectl(cli, 'apply', '-k', folder);

      const settled = (before: readonly string[]) =>
        scene.until(
          'three Pods are there, as many are ready as should, and one leads',
          async () => {
            const pods = await scene.pods();
            const ready = pods.filter(({ status }) =>
              status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
            );
            const found = await leaders(cli, shape);
            const isSettled = pods.length === 3 && ready.length === shape.ready;
            return isSettled && found.length > 0 && !before.includes(found[0] ?? '') && found;
          },
        );
      const first = await settled([]);
      expect(first).toHaveLength(1);
      await scene.deletePod(first[0] ?? '');
      expect(await settled(first)).toHaveLength(1);
    });
  }
});
