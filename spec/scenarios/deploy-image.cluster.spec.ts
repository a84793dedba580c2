import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { version } from '../../lib/version.ts';
import { deployImage } from './deploy-image.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

const MB = 2 ** 20;

/** What the manifests of docs/deploy ask for. */
const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
};

/** What the command of a leader finds out about its container. */
const PROGRAM = `
const { readFileSync, existsSync, writeFileSync } = require('node:fs');
const commandOf = (pid) => readFileSync('/proc/' + pid + '/cmdline', 'utf8').split('\\0')[0];
let written = 'written';
try { writeFileSync('/file', ''); } catch ({ code }) { written = code; }
console.log(JSON.stringify({
  first: commandOf(1),
  user: process.getuid(),
  written,
  shell: existsSync('/bin/sh'),
  mode: process.env.LEADER_MODE,
}));
process.once('SIGTERM', () => process.exit(3));
setInterval(() => undefined, 1000);
`;

/** The output of the container, as the kubelet keeps it, without times. */
async function outputOf(scene: Scene, name: string): Promise<string> {
  const uid = (await scene.findPod(name))?.metadata?.uid ?? '';
  const folder = join(scene.cluster.folder, 'node/pod-logs', `${scene.namespace}_${name}_${uid}`);
  const lines = readFileSync(join(folder, 'main/0.log'), 'utf8').split('\n');
  return lines.map((line) => line.replace(/^\S+ std(?:out|err) [FP] /, '')).join('\n');
}

function exitCodeOf(scene: Scene, name: string): Promise<number> {
  return scene
    .until(`the container of ${name} ends`, async () => {
      const [status] = (await scene.findPod(name))?.status?.containerStatuses ?? [];
      return status?.state?.terminated && { code: status.state.terminated.exitCode };
    })
    .then(({ code }) => code);
}

async function start(scene: Scene, name: string, image: string, args: string[]): Promise<void> {
  const container = { args, securityContext: restricted };
  const spec = { restartPolicy: 'Never' };
  await scene.pod(name, { image, container, spec });
}

scenario(
  'the image of docs/deploy/Dockerfile runs a command as nobody, without a shell, below tini',
  async (scene) => {
    const { name: image, bytesBesideNode } = await deployImage(scene.cluster);
    // Alpine takes 9 MB and libstdc++ 3: the release measures the real image.
    console.log(`beside Node.js and libraries: ${(bytesBesideNode / MB).toFixed(2)} MB`);
    expect(bytesBesideNode).toBeLessThan(1 * MB);

    await start(scene, 'version', image, ['--version']);
    expect(await exitCodeOf(scene, 'version')).toBe(0);
    expect((await outputOf(scene, 'version')).trim()).toBe(version);

    await start(scene, 'leader', image, ['run', 'lock', '--', 'node', '-e', PROGRAM]);
    const told = await scene.until('the command tells about its container', async () => {
      const output = await outputOf(scene, 'leader').catch(() => '');
      return /^\{.*\}$/m.exec(output)?.[0];
    });
    const facts = { first: 'tini', user: 65532, written: 'EROFS', shell: false, mode: 'life' };
    expect(JSON.parse(told)).toEqual(facts);
    expect((await scene.lock())?.metadata?.ownerReferences?.[0]?.name).toBe('leader');
    expect(await outputOf(scene, 'leader')).not.toContain('warning');
    const { core, namespace } = scene;
    await core.deleteNamespacedPod({ namespace, name: 'leader' });
    await scene.until('the lock is free', async () => ((await scene.lock()) ? undefined : true));

    // So it is setpriv that keeps the warning away.
    const { name: lacking } = await deployImage(scene.cluster, 'setpriv');
    await start(scene, 'warned', lacking, ['run', 'lock', '--', 'node', '-e', '']);
    expect(await exitCodeOf(scene, 'warned')).toBe(0);
    expect(await outputOf(scene, 'warned')).toContain('neither setpriv');
  },
  { endsWithoutLeader: true },
);
