import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeKubeconfig } from '../lab/kubeconfig.ts';
import { unlessNotFound } from '../lab/pods.ts';
import type { Scene } from '../scenarios/scene.ts';

const SERVICE_ACCOUNT = 'candidate';

/** Where a candidate sends its requests, and whom it trusts there. */
export interface Server {
  readonly server: string;
  /** In PEM. */
  readonly ca: string;
}

/** One candidate's way to the API server: a kubeconfig file with a token that can be revoked. */
export class Access {
  /** Of the kubeconfig. */
  readonly path: string;
  readonly #scene: Scene;
  readonly #name: string;
  readonly #server: Server;
  #secret = '';

  private constructor(scene: Scene, name: string, server: Server) {
    this.#scene = scene;
    this.#name = name;
    this.#server = server;
    this.path = join(scene.where.folder, `${name}.kubeconfig`);
  }

  /** With a token. */
  static async open(scene: Scene, name: string, server?: Server): Promise<Access> {
    const { cluster } = scene;
    const direct = { server: cluster.server, ca: await readFile(cluster.authority, 'utf8') };
    const access = new Access(scene, name, server ?? direct);
    await access.issue();
    return access;
  }

  /** Writes down a new token, which lives as long as a Secret that nobody reads. */
  async issue(): Promise<void> {
    const { core, namespace } = this.#scene;
    const { metadata } = await core.createNamespacedSecret({
      namespace,
      body: { metadata: { generateName: `${this.#name}-` } },
    });
    const { name = '', uid = '' } = metadata ?? {};
    const boundObjectRef = { kind: 'Secret', apiVersion: 'v1', name, uid };
    const { status } = await core.createNamespacedServiceAccountToken({
      namespace,
      name: SERVICE_ACCOUNT,
      body: { spec: { audiences: [], boundObjectRef } },
    });
    const { token = '' } = status ?? {};
    await writeKubeconfig(this.path, { ...this.#server, token, namespace });
    this.#secret = name;
  }

  /** From then on, give or take the API server's memory of 10 s, nobody knows the token. */
  async revoke(): Promise<void> {
    const { core, namespace } = this.#scene;
    await core.deleteNamespacedSecret({ namespace, name: this.#secret }).catch(unlessNotFound);
  }
}
