import { chmod } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import type { V1Container, V1EnvVar, V1PodSpec } from '@kubernetes/client-node';
import { expect } from 'vitest';
import { historyOf } from '../lab/history.ts';
import { overlapsOf, violations } from '../lab/verdict.ts';
import { cliImage } from './cli-image.ts';
import { Gateway } from './gateway.ts';
import type { Term } from './journal.ts';
import { downward } from './manifest.ts';
import { scenario } from './scenario.ts';
import type { Scene } from './scene.ts';

const APP = 'cli';

/** How the Pods of one scene differ from each other. */
export interface CliPodOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly restartPolicy?: string;
}

/** A scene whose Pods run the command line, in its image, with addresses of their own. */
export class CliScene {
  readonly scene: Scene;
  readonly gateway: Gateway;

  private constructor(scene: Scene, gateway: Gateway) {
    this.scene = scene;
    this.gateway = gateway;
  }

  static async open(scene: Scene): Promise<CliScene> {
    // The image's user is not root.
    await chmod(scene.where.folder, 0o777);
    const gateway = await Gateway.open(scene.cluster);
    scene.onClose(() => gateway.close());
    return new CliScene(scene, gateway);
  }

  /** What every container gets: who its Pod is, where the API server is, and where to say what happens. */
  get env(): V1EnvVar[] {
    return [
      downward('POD_NAME', 'metadata.name'),
      downward('POD_UID', 'metadata.uid'),
      downward('POD_NAMESPACE', 'metadata.namespace'),
      { name: 'KUBERNETES_SERVICE_HOST', value: this.gateway.host },
      { name: 'KUBERNETES_SERVICE_PORT', value: `${this.gateway.port}` },
      { name: 'JOURNAL', value: '/scene' },
    ];
  }

  /** A container of the image; a command replaces its entry point. */
  container(name: string, container: Partial<V1Container>, { env = {} }: CliPodOptions = {}) {
    const own = Object.entries(env).map(([key, value]) => ({ name: key, value }));
    const { image } = this.scene.where;
    const volumeMounts = [{ name: 'scene', mountPath: '/scene' }];
    const common = { name, image, imagePullPolicy: 'Never', volumeMounts };
    return { ...common, ...container, env: [...this.env, ...own] };
  }

  podSpec(parts: Partial<V1PodSpec> & Pick<V1PodSpec, 'containers'>): V1PodSpec {
    const { folder: path, serviceAccount } = this.scene.where;
    return {
      serviceAccountName: serviceAccount,
      terminationGracePeriodSeconds: 20,
      volumes: [{ name: 'scene', hostPath: { path, type: 'Directory' } }],
      ...parts,
    };
  }

  /** A worker under `run`, with these arguments before the command. */
  runs(args: readonly string[], options: CliPodOptions = {}): V1PodSpec {
    const worker = ['--', 'python', '/app/worker.py', 'always'];
    const container = this.container('main', { args: ['run', ...args, ...worker] }, options);
    const { restartPolicy } = options;
    return this.podSpec({ containers: [container], ...(restartPolicy && { restartPolicy }) });
  }

  /** A worker beside a native sidecar with these arguments, which the kubelet reaches, too. */
  served(...args: readonly string[]): V1PodSpec {
    const probe = (path: string) => ({ httpGet: { path, port: 4040 }, periodSeconds: 1 });
    const sidecar = {
      ...this.container('leader', { args: ['serve', '--release', '--http', ':4040', ...args] }),
      restartPolicy: 'Always',
      startupProbe: { ...probe('/readyz'), failureThreshold: 60 },
      livenessProbe: probe('/livez'),
    };
    return this.podSpec({ initContainers: [sidecar], containers: [this.worker('leader')] });
  }

  /** A worker that asks, in that way. */
  worker(how: 'always' | 'leader' | 'name'): V1Container {
    return this.container('main', { command: ['python', '/app/worker.py', how] });
  }

  async pod(name: string, spec: V1PodSpec): Promise<void> {
    const { core, namespace } = this.scene;
    const body = { metadata: { name, labels: { app: APP } }, spec };
    await core.createNamespacedPod({ namespace, body });
  }

  async deployment(name: string, replicas: number, spec: V1PodSpec): Promise<void> {
    const { apps, namespace } = this.scene;
    const labels = { app: APP };
    const template = { metadata: { labels }, spec };
    const body = {
      metadata: { name },
      spec: { replicas, selector: { matchLabels: labels }, template },
    };
    await apps.createNamespacedDeployment({ namespace, body });
  }

  /** A worker acts now, in a later term than before. */
  acting(before?: Term): Promise<Term> {
    const { scene } = this;
    return scene.until('another worker acts', () =>
      scene.terms.findLast(({ isOpen, fromMs }) => isOpen && fromMs > (before?.fromMs ?? 0)),
    );
  }

  /** Resolves when the command line in this Pod has written that. */
  async writes(pod: string, text: string, container = 'main'): Promise<void> {
    const { core, namespace } = this.scene;
    await this.scene.until(`${pod} writes ${text}`, async () => {
      const log = await core.readNamespacedPodLog({ namespace, name: pod, container });
      return log.includes(text);
    });
  }

  /** The only process in this Pod whose first argument is this. */
  async processOf(pod: string, program: string): Promise<number> {
    const { metadata } = (await this.scene.findPod(pod)) ?? {};
    const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
    const [pid, ...more] = pids.filter((entry) => isOf(entry, metadata?.uid ?? '', program));
    if (pid === undefined || more.length > 0) throw new Error(`${pod}: ${pid} ${more.join()}`);
    return Number(pid);
  }

  /** No two workers ever acted together, not even two of one Pod, and tokens have grown. */
  check(): void {
    const history = historyOf(this.scene.entries);
    const runs = history.terms.map((term) => ({ ...term, uid: term.run }));
    expect(violations(history)).toEqual([]);
    expect(overlapsOf(runs)).toEqual([]);
  }
}

function isOf(pid: string, podUid: string, program: string): boolean {
  try {
    if (!readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`pod${podUid}`)) return false;
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')[0] === program;
  } catch {
    return false;
  }
}

/** A scenario of the command line, which is checked by what its workers say. */
export function cliScenario(
  title: string,
  play: (cli: CliScene) => Promise<void>,
  image = cliImage,
): void {
  const told = async (scene: Scene) => {
    const cli = await CliScene.open(scene);
    await play(cli);
    cli.check();
  };
  scenario(title, told, {
    image,
    pods: { marks: true },
    endsWithoutLeader: true,
    // The API server's words on locks are checked where the library itself is in the Pods.
    isBeyondThePromise: true,
  });
}
