import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeKubeconfig } from '../lab/kubeconfig.ts';
import { unlessNotFound } from '../lab/pods.ts';
import type { Scene } from '../scenarios/scene.ts';

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
    const { token, secretName } = await this.#scene.token({ generateName: `${this.#name}-` });
    const { namespace } = this.#scene;
    const { server, ca } = this.#server;
    await writeKubeconfig(this.path, { server, ca, token, namespace });
    this.#secret = secretName;
  }

  /** From then on, give or take the API server's memory of 10 s, nobody knows the token. */
  async revoke(): Promise<void> {
    const { core, namespace } = this.#scene;
    await core.deleteNamespacedSecret({ namespace, name: this.#secret }).catch(unlessNotFound);
  }
}
