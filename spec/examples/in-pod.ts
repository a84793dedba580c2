/** What `leader-for-life` is to an example: the library, with the credentials that KUBECONFIG names. */
import { KubeConfig } from '@kubernetes/client-node';

import {
  type BecomeOptions,
  type LeadOptions,
  type Leadership,
  type LeaseLeadership,
  become as elect,
  lead as leadBy,
} from '../../lib/index.ts';

export * from '../../lib/index.ts';

export function become(lockName: string, options: BecomeOptions = {}): Promise<Leadership> {
  return elect(lockName, { ...options, kubeConfig: credentials() });
}

export function lead<T>(
  leaseName: string,
  work: (leadership: LeaseLeadership) => T | PromiseLike<T>,
  options: LeadOptions = {},
): Promise<T> {
  return leadBy(leaseName, work, { ...options, kubeConfig: credentials() });
}

function credentials(): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  return kubeConfig;
}
