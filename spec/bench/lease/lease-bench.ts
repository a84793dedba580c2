import type { Cluster } from '../../cluster/state.ts';
import { closeCluster, kubernetesVersion, moduleVersion, openCluster } from '../bench-cluster.ts';
import type { Report } from '../report.ts';
import { footprintReport, requestsReport } from './consumption.ts';
import { measureCrash } from './crash.ts';
import { simulateDay } from './day.ts';
import { measureHerd } from './herd.ts';
import { IdleCrews } from './idle.ts';
import { measureMany } from './many.ts';
import { type Program, clientGoProgram, ourProgram } from './program.ts';
import { measureRelease } from './release.ts';

export const LEASE_PARTS: readonly string[] = [
  'release',
  'crash',
  'requests',
  'footprint',
  'herd',
  'many',
];

/** Those that are drawn. */
export const DRAWN_LEASE_PARTS: readonly string[] = ['release', 'crash', 'herd'];

export interface LeaseBenchOptions {
  readonly parts: readonly string[];
  readonly sizes: readonly number[];
  readonly electors: number;
  readonly handovers: number | undefined;
  /** For how long requests are counted, at least. */
  readonly windowMs: number;
  readonly onProgress: (message: string) => void;
}

/** Lease mode and client-go's leaderelection on a real API server, for as long as it is measured. */
export class LeaseBench {
  /** Of what is measured, by name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly #cluster: Cluster;
  readonly #programs: readonly Program[];
  readonly #options: LeaseBenchOptions;

  private constructor(
    cluster: Cluster,
    programs: readonly Program[],
    versions: Readonly<Record<string, string>>,
    options: LeaseBenchOptions,
  ) {
    this.#cluster = cluster;
    this.#programs = programs;
    this.versions = versions;
    this.#options = options;
  }

  /** Brings the cluster up. Whatever ends the process by a signal takes it down again. */
  static async start(options: LeaseBenchOptions): Promise<LeaseBench> {
    const programs = [ourProgram(), await clientGoProgram()];
    const cluster = await openCluster({ node: false });
    const versions = {
      'client-go': moduleVersion(new URL('client-go/go.mod', import.meta.url), 'k8s.io/client-go'),
      Kubernetes: await kubernetesVersion(cluster),
    };
    return new LeaseBench(cluster, programs, versions, options);
  }

  /** Each part's report, as soon as it is there. */
  async *run(): AsyncGenerator<[string, Report]> {
    const { parts, windowMs, electors, onProgress } = this.#options;
    const [cluster, programs, options] = [this.#cluster, this.#programs, this.#options];
    // Nothing happens in these, so that they can be counted while others are measured.
    const counted = parts.includes('requests') || parts.includes('footprint');
    const idle = counted ? await IdleCrews.gather(cluster, programs) : undefined;
    if (parts.includes('release')) {
      yield ['release', await measureRelease(cluster, programs, options)];
    }
    if (parts.includes('crash')) yield ['crash', await measureCrash(cluster, programs, options)];
    // What follows keeps the machine busy.
    const idling = (await idle?.measure(windowMs, onProgress)) ?? [];
    if (parts.includes('requests')) {
      yield ['requests', requestsReport(idling, await simulateDay())];
    }
    if (parts.includes('footprint')) yield ['footprint', footprintReport(idling)];
    if (parts.includes('herd')) yield ['herd', await measureHerd(cluster, programs, options)];
    if (parts.includes('many')) {
      yield ['many', await measureMany(cluster, programs, { electors, onProgress })];
    }
  }

  /** Nothing of the cluster is left. */
  async close(): Promise<void> {
    await closeCluster();
  }
}
