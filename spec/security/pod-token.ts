import { type CoreV1Api, KubeConfig } from '@kubernetes/client-node';

/** A kubeconfig with a token as a kubelet mounts it: bound to the Pod, if one is given. */
export async function withToken(
  kubeConfig: KubeConfig,
  admin: CoreV1Api,
  account: { readonly namespace: string; readonly name: string },
  pod?: { readonly name: string; readonly uid: string },
): Promise<KubeConfig> {
  const boundObjectRef = pod && { apiVersion: 'v1', kind: 'Pod', name: pod.name, uid: pod.uid };
  const { status } = await admin.createNamespacedServiceAccountToken({
    ...account,
    body: { spec: { audiences: [], ...(boundObjectRef && { boundObjectRef }) } },
  });
  const cluster = kubeConfig.getCurrentCluster();
  if (!cluster || !status) throw new Error('no cluster, or no token');
  const limited = new KubeConfig();
  limited.loadFromClusterAndUser(cluster, { name: account.name, token: status.token ?? '' });
  return limited;
}
