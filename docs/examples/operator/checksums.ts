import { createHash } from 'node:crypto';
import {
  ApiException,
  CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  type V1ConfigMap,
  makeInformer,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { WorkQueue } from './work-queue.ts';

const WANTED = 'example.com/checksum=wanted';
const CHECKSUM = 'example.com/checksum';
const RESTART_MS = 5_000;

/** Keeps the annotation `example.com/checksum` of every ConfigMap up to date that asks for it. */
export class ChecksumOperator {
  readonly #api: CoreV1Api;
  readonly #namespace: string;
  readonly #informer: ReturnType<typeof makeInformer<V1ConfigMap>>;
  readonly #queue: WorkQueue;
  #restart: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(kubeConfig: KubeConfig, namespace: string) {
    this.#api = kubeConfig.makeApiClient(CoreV1Api);
    this.#namespace = namespace;
    this.#queue = new WorkQueue((name) => this.#reconcile(name));
    this.#informer = makeInformer(
      kubeConfig,
      `/api/v1/namespaces/${namespace}/configmaps`,
      () => this.#api.listNamespacedConfigMap({ namespace, labelSelector: WANTED }),
      WANTED,
    );
    for (const event of ['add', 'update', 'delete'] as const) {
      this.#informer.on(event, ({ metadata }) => {
        if (metadata?.name) this.#queue.add(metadata.name);
      });
    }
    this.#informer.on('error', (error: unknown) => this.#startAgain(error));
  }

  /** Whether something has been in process for long enough to be stuck. */
  get isStuck(): boolean {
    return this.#queue.busyMs > 60_000;
  }

  start(): void {
    this.#informer.start().catch((error: unknown) => this.#startAgain(error));
  }

  /** Resolves when nothing writes any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#restart);
    await this.#informer.stop();
    await this.#queue.stop();
  }

  /** An error ends the informer. A little later it lists and watches anew. */
  #startAgain(error: unknown): void {
    if (this.#stopped) return;
    console.error('the informer failed:', error);
    clearTimeout(this.#restart);
    this.#restart = setTimeout(() => this.start(), RESTART_MS);
  }

  /** Looks at what is, not at what happened: however often it is called, the result is the same. */
  async #reconcile(name: string): Promise<void> {
    const configMap = this.#informer.get(name, this.#namespace);
    if (!configMap) return; // deleted: nothing is left to do
    const { annotations = {}, resourceVersion } = configMap.metadata ?? {};
    const checksum = checksumOf(configMap);
    if (annotations[CHECKSUM] === checksum) return;
    // With the resourceVersion, a write that is based on an old state is refused.
    const body = { metadata: { resourceVersion, annotations: { [CHECKSUM]: checksum } } };
    try {
      await this.#api.patchNamespacedConfigMap(
        { namespace: this.#namespace, name, body },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      );
    } catch (error) {
      // Gone, or changed: an event is on its way, and with it the next turn.
      if (error instanceof ApiException && [404, 409].includes(error.code)) return;
      throw error;
    }
    console.log(`${name}: ${checksum}`);
  }
}

function checksumOf({ data = {}, binaryData = {} }: V1ConfigMap): string {
  const entries = [data, binaryData].map((part) => Object.entries(part).sort());
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16);
}
