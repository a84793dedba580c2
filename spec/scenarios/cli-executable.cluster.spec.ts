import { type V1PodSpec, loadYaml } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { read } from '../public/project.ts';
import { executableImage, pythonImage } from './cli-image.ts';
import { type CliScene, cliScenario } from './cli-scene.ts';

/** The Pod of docs/cli.md, with the images of this cluster, and the lock and journal of the scene. */
async function documented(cli: CliScene, mode: 'life' | 'lease'): Promise<V1PodSpec> {
  const [, yaml = ''] =
    /### In an image without Node.js.*?```yaml\n(.*?)```/s.exec(read('docs/cli.md')) ?? [];
  const { spec: given } = loadYaml<{ spec: V1PodSpec }>(yaml);
  const [copy, app] = [given.initContainers?.[0], given.containers[0]];
  if (!copy || !app?.command) throw new Error('docs/cli.md shows no such Pod');
  const command = app.command
    .map((word) => (word === 'app-lock' ? 'lock' : word))
    .filter((word) => word !== '--lease' || mode === 'lease');
  const main = cli.container('main', { command });
  const spec = cli.podSpec({
    initContainers: [
      { ...copy, image: await executableImage(cli.scene.cluster), imagePullPolicy: 'Never' },
    ],
    containers: [{ ...main, volumeMounts: [...main.volumeMounts, ...(app.volumeMounts ?? [])] }],
  });
  return { ...spec, volumes: [...(spec.volumes ?? []), ...(given.volumes ?? [])] };
}

for (const mode of ['life', 'lease'] as const) {
  cliScenario(
    `the executable from an init container, by ${mode}: Python without Node.js leads and hands over`,
    async (cli) => {
      const { scene } = cli;
      await cli.deployment('worker', 2, await documented(cli, mode));
      const first = await cli.acting();
      await cli.processOf(first.pod, '/leader/leader-for-life');
      const { metadata } = await scene.until('there is another Pod', async () =>
        (await scene.pods()).find((pod) => pod.metadata?.name !== first.pod),
      );
      await cli.writes(metadata?.name ?? '', ' leads');
      await scene.deletePod(first.pod);
      const next = await cli.acting(first);
      expect(next.pod).not.toBe(first.pod);
      const ends = scene.saidBy(first.pod).map(({ event }) => event);
      expect(ends).toEqual(['start', 'leading', 'sigterm', 'exit']);
    },
    pythonImage,
  );
}
