/** What `leader-for-life` is to an example: the library, with the credentials that KUBECONFIG names. */
import { KubeConfig } from '@kubernetes/client-node';

import { type BecomeOptions, type Leadership, become as elect } from '../../lib/index.ts';

export * from '../../lib/index.ts';

export function become(lockName: string, options: BecomeOptions = {}): Promise<Leadership> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  return elect(lockName, { ...options, kubeConfig });
}
