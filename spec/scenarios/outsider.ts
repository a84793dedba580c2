import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { BecomeOptions } from '../../lib/index.ts';
import { MERGE, createPod, setPhase, unlessNotFound } from '../lab/pods.ts';
import { CANDIDATE } from '../lab/process.ts';
import type { Scene } from './scene.ts';

/**
 * Starts a candidate on another node than the cluster's only one, which ends with its scene: its Pod is on a node
 * that has no kubelet, and its process runs beside the cluster. For when all that is on the real node goes.
 */
export async function startOutsider(
  scene: Scene,
  name: string,
  become: BecomeOptions = {},
): Promise<void> {
  const { core, namespace, where } = scene;
  const nodeName = `elsewhere-${namespace}`;
  await core.createNode({ body: { metadata: { name: nodeName } } });
  const conditions = [{ type: 'Ready', status: 'Unknown' }];
  await core.patchNodeStatus({ name: nodeName, body: { status: { conditions } } }, MERGE);
  const { metadata } = await createPod(core, namespace, name, { nodeName });
  await setPhase(core, namespace, name, 'Running');
  const env = {
    PATH: process.env['PATH'],
    JOURNAL: where.folder,
    KUBECONFIG: await scene.kubeconfigFile(),
    POD_NAME: name,
    POD_UID: metadata?.uid,
    POD_NAMESPACE: namespace,
    LOCK: where.lockName,
    OPTIONS: JSON.stringify(become),
  };
  const child = spawn(process.execPath, [CANDIDATE], { env, stdio: 'inherit' });
  await once(child, 'spawn');
  scene.onClose(async () => {
    if (child.exitCode === null && child.kill('SIGKILL')) await once(child, 'exit');
    await scene.deletePod(name, { gracePeriodSeconds: 0 }).catch(unlessNotFound);
    await core.deleteNode({ name: nodeName });
  });
}
