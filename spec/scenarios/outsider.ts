import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import type { BecomeOptions } from '../../lib/index.ts';
import { type Scene, unlessNotFound } from './scene.ts';

const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

/**
 * A candidate on another node than the cluster's only one: its Pod is on a node that has no
 * kubelet, and its process runs beside the cluster. For when all that is on the real node goes.
 */
export class Outsider {
  readonly #scene: Scene;
  readonly #name: string;
  readonly #nodeName: string;
  readonly #process: ChildProcess;

  private constructor(scene: Scene, name: string, nodeName: string, child: ChildProcess) {
    this.#scene = scene;
    this.#name = name;
    this.#nodeName = nodeName;
    this.#process = child;
  }

  /** It ends with its scene. */
  static async start(scene: Scene, name: string, become: BecomeOptions = {}): Promise<void> {
    const { core, namespace, where } = scene;
    const nodeName = `elsewhere-${namespace}`;
    await core.createNode({ body: { metadata: { name: nodeName } } });
    const conditions = [{ type: 'Ready', status: 'Unknown' }];
    await core.patchNodeStatus({ name: nodeName, body: { status: { conditions } } }, MERGE);
    const pod = await core.createNamespacedPod({
      namespace,
      body: {
        metadata: { name },
        spec: {
          nodeName,
          automountServiceAccountToken: false,
          // Nothing speaks for its node: it stays all the same.
          tolerations: [{ operator: 'Exists' }],
          containers: [{ name: 'main', image: where.image }],
        },
      },
    });
    await core.patchNamespacedPodStatus(
      { namespace, name, body: { status: { phase: 'Running' } } },
      MERGE,
    );
    const env = {
      PATH: process.env['PATH'],
      SCENE_FOLDER: where.folder,
      KUBECONFIG: await scene.kubeconfigFile(),
      POD_NAME: name,
      POD_UID: pod.metadata?.uid,
      POD_NAMESPACE: namespace,
      LOCK: where.lockName,
      BECOME_OPTIONS: JSON.stringify(become),
    };
    const main = join(scene.candidateFolder, 'main.ts');
    const child = spawn(process.execPath, [main], { env, stdio: 'inherit' });
    await once(child, 'spawn');
    const outsider = new Outsider(scene, name, nodeName, child);
    scene.onClose(() => outsider.#end());
  }

  async #end(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.kill('SIGKILL')) {
      await once(this.#process, 'exit');
    }
    const { core, namespace } = this.#scene;
    const body = { gracePeriodSeconds: 0 };
    await core.deleteNamespacedPod({ namespace, name: this.#name, body }).catch(unlessNotFound);
    await core.deleteNode({ name: this.#nodeName });
  }
}
