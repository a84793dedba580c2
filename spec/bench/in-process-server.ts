/** The in-process cluster in a process of its own, so that it does not share a core with candidates. */
import { createCluster } from 'leader-for-life/testing';

import { serve } from './remote.ts';
import type { Cause, Handover, PodIdentity, Requests } from './target.ts';

const HANDOVER_LIMIT_MS = 60_000;
/** Candidates say themselves when they are ready; this is for requests that are still under way. */
const QUIET_MS = 150;

const cluster = await createCluster();
let namespaces = 0;

const service = {
  /** A new namespace. */
  createNamespace(): { namespace: string; kubeConfig: string; url: string; token: string } {
    namespaces += 1;
    const namespace = `bench-${namespaces}`;
    cluster.createNamespace(namespace);
    const kubeConfig = cluster.kubeConfigText({ namespace });
    return { namespace, kubeConfig, url: cluster.url, token: cluster.token() };
  },

  createPods(namespace: string, names: readonly string[]): PodIdentity[] {
    return names.map((name) => {
      const pod = cluster.createPod(name, { namespace, labels: { app: 'bench' } });
      return { name, uid: pod.metadata.uid };
    });
  },

  /** Watches the model itself: its clock is the one that counts. */
  async handOver(
    namespace: string,
    lockName: string,
    pod: string,
    cause: Cause,
  ): Promise<Handover> {
    const lock = `${namespace}/${lockName}`;
    const lostUid = cluster.getConfigMap(lock)?.metadata.uid;
    let goneMs: number | undefined;
    cluster.requests.clear();
    const startMs = performance.now();
    const handover = cluster.until(() => {
      const metadata = cluster.getConfigMap(lock)?.metadata;
      if (metadata?.uid === lostUid) return undefined;
      const nowMs = performance.now();
      goneMs ??= nowMs;
      const leaderUid = metadata?.ownerReferences?.[0]?.uid;
      if (leaderUid === undefined) return undefined;
      return { freedMs: goneMs - startMs, takenMs: nowMs - goneMs, leaderUid };
    }, HANDOVER_LIMIT_MS);
    if (cause === 'deleted') cluster.deletePod(`${namespace}/${pod}`);
    else cluster.evictPod(`${namespace}/${pod}`);
    return handover;
  },

  clear(namespace: string, pod: string): void {
    const ref = `${namespace}/${pod}`;
    if (cluster.getPod(ref)) cluster.deletePod(ref);
  },

  async settle(namespace: string): Promise<Requests> {
    for (let seen = -1; seen !== cluster.requests.length;) {
      seen = cluster.requests.length;
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    }
    const count = (verb: 'create' | 'delete') =>
      cluster.requests.count({ verb, resource: 'configmaps', namespace });
    return { creates: count('create'), deletes: count('delete') };
  },
};

export type InProcessService = typeof service;

serve(service);
