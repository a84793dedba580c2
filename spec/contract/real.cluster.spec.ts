import { describe, inject } from 'vitest';

import { contract } from './contract.ts';
import { FOREIGN, realCluster } from './real-cluster.ts';
import { recordedAnswers } from './recorded.ts';

const { kubeconfig, name } = inject('cluster');

// Both mostly wait, for a bookmark the one and for namespaces to go the other.
describe.concurrent('a contract', () => {
  contract('a real Kubernetes', () => realCluster(kubeconfig, name));
  recordedAnswers(kubeconfig, name === undefined ? FOREIGN : undefined);
});
