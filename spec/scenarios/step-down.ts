import { KubernetesObjectApi } from '@kubernetes/client-node';
import type { Term } from './journal.ts';
import type { Scene } from './scene.ts';

/** Asks the holder of the lock to hand over, as an administrator does. */
export function annotate(
  scene: Scene,
  kind: 'ConfigMap' | 'Lease',
  holder: string,
): Promise<unknown> {
  const apiVersion = kind === 'Lease' ? 'coordination.k8s.io/v1' : 'v1';
  const { lockName: name, namespace } = scene.where;
  const metadata = { name, namespace, annotations: { 'leader-for-life/step-down': holder } };
  const objects = KubernetesObjectApi.makeApiClient(scene.kubeConfig);
  return objects.patch({ apiVersion, kind, metadata });
}

/** The Pod that acts now, if it is another than in this term. */
export function acting(scene: Scene, before?: Term): Promise<Term> {
  return scene.until('another Pod acts', () =>
    scene.terms.findLast(({ isOpen, pod }) => isOpen && pod !== before?.pod),
  );
}
