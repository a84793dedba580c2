import { KubeConfig } from '@kubernetes/client-node';

import type { InProcessService } from './in-process-server.ts';
import { Remote } from './remote.ts';
import type { Arena, Cause, Handover, PodIdentity, Requests, Target } from './target.ts';

/** `leader-for-life/testing` over plain HTTP/1.1, in another process. */
export class InProcessTarget implements Target {
  readonly description = 'in-process API server (a process of its own, HTTP/1.1 without TLS)';
  readonly #server = new Remote<InProcessService>(new URL('in-process-server.ts', import.meta.url));

  async createArena(): Promise<Arena> {
    const { namespace, kubeConfig, url, token } = await this.#server.call('createNamespace');
    const config = new KubeConfig();
    config.loadFromString(kubeConfig);
    return new InProcessArena(this.#server, namespace, config, { url: new URL(url), token });
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

class InProcessArena implements Arena {
  readonly lockName = 'lock';
  readonly namespace: string;
  readonly kubeConfig: KubeConfig;
  readonly access: Arena['access'];
  readonly #server: Remote<InProcessService>;
  #pods = 0;

  constructor(
    server: Remote<InProcessService>,
    namespace: string,
    kubeConfig: KubeConfig,
    access: Arena['access'],
  ) {
    this.#server = server;
    this.namespace = namespace;
    this.kubeConfig = kubeConfig;
    this.access = access;
  }

  createPods(count: number): Promise<PodIdentity[]> {
    const names = Array.from({ length: count }, () => `candidate-${(this.#pods += 1)}`);
    return this.#server.call('createPods', this.namespace, names);
  }

  handOver(leader: PodIdentity, cause: Cause): Promise<Handover> {
    return this.#server.call('handOver', this.namespace, this.lockName, leader.name, cause);
  }

  clear(pod: PodIdentity): Promise<void> {
    return this.#server.call('clear', this.namespace, pod.name);
  }

  settle(): Promise<Requests> {
    return this.#server.call('settle', this.namespace);
  }
}
