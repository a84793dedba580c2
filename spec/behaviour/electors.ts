import type { KubeConfig } from '@kubernetes/client-node';

import { systemClock } from '../../lib/platform/clock.ts';
import { Api } from '../../lib/kubernetes/api.ts';
import { Connection } from '../../lib/kubernetes/connection.ts';
import { userCredentials } from '../../lib/kubernetes/credentials.ts';
import type { Json } from '../../lib/kubernetes/json.ts';
import type { Transport } from '../../lib/kubernetes/transport.ts';
import { type LeaseLeadership, leadOn } from '../../lib/lease/lead.ts';
import type { LeadOptions } from '../../lib/lease/config.ts';
import { systemPlatform } from '../../lib/platform/platform.ts';
import { type Cluster, Namespace } from './cluster.ts';

/** Long enough for a slow machine, and short enough to wait for. */
export const DURATIONS = { leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 500 };

/** A namespace with electors in it, and the bare wire. */
export class ElectorSpace implements AsyncDisposable {
  readonly namespace: Namespace;
  readonly path: string;
  readonly #api: Api;
  readonly #electors: Elector[] = [];
  /** What happened, in its order. */
  readonly journal: string[] = [];
  readonly warnings: { readonly message: string; readonly code: string }[] = [];

  private constructor(namespace: Namespace) {
    this.namespace = namespace;
    this.path = `/apis/coordination.k8s.io/v1/namespaces/${namespace.name}/leases`;
    const credentials = userCredentials(namespace.cluster.kubeConfig);
    this.#api = new Api(new Connection(credentials, systemClock, 'behaviour'), systemClock);
  }

  static async create(cluster: Cluster): Promise<ElectorSpace> {
    return new ElectorSpace(await Namespace.create(cluster));
  }

  get name(): string {
    return this.namespace.name;
  }

  /** An elector of this identity; its work lasts until its signal aborts or it is finished. */
  elector(identity: string, kubeConfig?: KubeConfig): Elector {
    const elector = new Elector(this, identity, kubeConfig ?? this.namespace.cluster.kubeConfig);
    this.#electors.push(elector);
    return elector;
  }

  /** The Lease as it is on the wire. */
  lease(): Promise<Lease> {
    return this.#send('GET', `${this.path}/lock`);
  }

  createLease(body: object): Promise<Lease> {
    return this.#send('POST', this.path, { metadata: { name: 'lock' }, ...body });
  }

  /** Writes as anybody may who does not ask whose Lease it is. */
  patchLease(body: object): Promise<Lease> {
    return this.#send('PATCH', `${this.path}/lock`, body, 'application/merge-patch+json');
  }

  async deleteLease(): Promise<void> {
    await this.#send('DELETE', `${this.path}/lock`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const elector of this.#electors) elector.crash();
    this.#api.close();
    await this.namespace[Symbol.asyncDispose]();
  }

  #send(
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<Lease> {
    const content = body === undefined ? {} : { body, contentType };
    return this.#api.request({ method, path, ...content }, (answer: Json) => {
      return answer as unknown as Lease;
    });
  }
}

/** As JSON, and not as a client makes it. */
export interface Lease {
  readonly metadata: {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly spec: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** One that competes, over a connection that can be torn. */
export class Elector {
  readonly identity: string;
  readonly #space: ElectorSpace;
  readonly #kubeConfig: KubeConfig;
  readonly #begun = Promise.withResolvers<LeaseLeadership>();
  readonly #finished = Promise.withResolvers<undefined>();
  readonly #stop = new AbortController();
  readonly #transports: Transport[] = [];
  #isCut = false;

  constructor(space: ElectorSpace, identity: string, kubeConfig: KubeConfig) {
    this.#space = space;
    this.identity = identity;
    this.#kubeConfig = kubeConfig;
    this.#begun.promise.catch(() => undefined);
  }

  /** Resolves once it leads; rejects if it is refused. */
  get leading(): Promise<LeaseLeadership> {
    return this.#begun.promise;
  }

  /** Competes; resolves with its identity once its work is done. */
  run(options: LeadOptions = {}): Promise<string> {
    const { journal, name: namespace } = this.#space;
    const { identity } = this;
    const work = async (leadership: LeaseLeadership) => {
      journal.push(`${identity} leads`);
      leadership.signal.addEventListener('abort', () => {
        journal.push(`${identity} ends`);
        this.#finished.resolve(undefined);
      });
      this.#begun.resolve(leadership);
      await this.#finished.promise;
      return identity;
    };
    const own = { namespace, identity, kubeConfig: this.#kubeConfig, signal: this.#stop.signal };
    const run = leadOn(this.#platform, 'lock', work, { ...own, ...DURATIONS, ...options });
    run.catch((error: unknown) => {
      this.#begun.reject(error);
    });
    return run;
  }

  /** Its work is done. */
  finish(): void {
    this.#finished.resolve(undefined);
  }

  /** Somebody wants it to end. */
  cancel(reason: Error): void {
    this.#stop.abort(reason);
  }

  /** Nothing of it reaches the API server any more, or the other way round. */
  cut(): void {
    this.#isCut = true;
    for (const transport of this.#transports) transport.close();
  }

  crash(): void {
    this.cut();
    this.cancel(new Error('crashed'));
    this.finish();
  }

  readonly #platform = {
    ...systemPlatform,
    connect: async (...given: Parameters<typeof systemPlatform.connect>) => {
      const transport = await systemPlatform.connect(...given);
      this.#transports.push(transport);
      const send: Transport['send'] = (request, signal) => {
        if (!this.#isCut) return transport.send(request, signal);
        return Promise.reject(new Error('cut off'));
      };
      return {
        send,
        close: () => {
          transport.close();
        },
      };
    },
    warn: (message: string, code: string) => {
      this.#space.warnings.push({ message, code });
    },
  };
}
