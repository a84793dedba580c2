import {
  type CoreV1Api,
  PatchStrategy,
  type V1Pod,
  type V1PodSpec,
  setHeaderOptions,
} from '@kubernetes/client-node';
import { containerStatus } from '../cluster/container-status.ts';

export const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

const NOT_FOUND = 404;

/** A Pod that no kubelet runs: its process is elsewhere. */
export function createPod(
  core: CoreV1Api,
  namespace: string,
  name: string,
  spec: Partial<V1PodSpec>,
): Promise<V1Pod> {
  const body = {
    metadata: { name },
    spec: {
      automountServiceAccountToken: false,
      // Nothing speaks for its node: it stays all the same.
      tolerations: [{ operator: 'Exists' }],
      containers: [{ name: 'main', image: 'none' }],
      ...spec,
    },
  };
  return core.createNamespacedPod({ namespace, body });
}

/** Reports it as its kubelet would. */
export async function setPhase(
  core: CoreV1Api,
  namespace: string,
  name: string,
  phase: 'Running' | 'Failed',
): Promise<void> {
  const container = containerStatus(phase === 'Running' ? 'running' : 'terminated');
  const body = { status: { phase, containerStatuses: [container] } };
  await core.patchNamespacedPodStatus({ namespace, name, body }, MERGE);
}

/** For deletions of what may be gone. */
export function unlessNotFound(error: unknown): void {
  if ((error as { code?: number }).code !== NOT_FOUND) throw error;
}
