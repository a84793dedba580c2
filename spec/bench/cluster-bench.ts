import type { Cluster } from '../cluster/state.ts';
import { closeCluster, kubernetesVersion, moduleVersion, openCluster } from './bench-cluster.ts';
import { measureCall } from './call.ts';
import { ClusterTarget } from './cluster-target.ts';
import { type HandoverOptions, measureHandover } from './handover.ts';
import type { Report } from './report.ts';
import { measureSuccession } from './succession.ts';
import { WaitingFleets } from './waiting.ts';

export const CLUSTER_PARTS: readonly string[] = ['handover', 'call', 'herd', 'requests'];

export interface ClusterBenchOptions extends HandoverOptions {
  readonly parts: readonly string[];
  /** For how long requests are counted, at least. */
  readonly windowMs: number;
}

/** A real Kubernetes for as long as it is measured on. */
export class ClusterBench {
  /** Of what is measured, by name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly #cluster: Cluster;
  readonly #options: ClusterBenchOptions;

  private constructor(
    cluster: Cluster,
    versions: Readonly<Record<string, string>>,
    options: ClusterBenchOptions,
  ) {
    this.#cluster = cluster;
    this.versions = versions;
    this.#options = options;
  }

  /** Brings the cluster up. Whatever ends the process by a signal takes it down again. */
  static async start(options: ClusterBenchOptions): Promise<ClusterBench> {
    const cluster = await openCluster({ node: true });
    const goMod = new URL('../scenarios/operator-lib/go.mod', import.meta.url);
    const versions = {
      'operator-lib': moduleVersion(goMod, 'operator-lib'),
      Kubernetes: await kubernetesVersion(cluster),
    };
    return new ClusterBench(cluster, versions, options);
  }

  /** Each part's report, as soon as it is there. */
  async *run(): AsyncGenerator<[string, Report]> {
    const { parts, windowMs, onProgress } = this.#options;
    // Nothing happens in these, so that they can be counted while others are measured.
    const waiting = parts.includes('requests')
      ? await WaitingFleets.deploy(this.#cluster)
      : undefined;
    if (parts.includes('handover')) {
      yield ['handover', await measureSuccession(this.#cluster, this.#options)];
    }
    if (parts.includes('call')) yield ['call', await measureCall(this.#cluster, onProgress)];
    if (parts.includes('herd')) yield ['herd', await this.#measureHerd()];
    if (waiting) yield ['requests', await waiting.measure(windowMs, onProgress)];
  }

  /** Nothing of the cluster is left. */
  async close(): Promise<void> {
    await closeCluster();
  }

  async #measureHerd(): Promise<Report> {
    const target = await ClusterTarget.create(this.#cluster);
    const report = await measureHandover(target, { ...this.#options, causes: ['deleted'] });
    await target.close();
    return report;
  }
}
