import { describe, inject } from 'vitest';

import { contract } from './contract.ts';
import { FOREIGN, realCluster } from './real-cluster.ts';
import { recordedAnswers } from './recorded.ts';
import { contractTest } from './space.ts';

const { kubeconfig, name } = inject('cluster');
const it = contractTest(() => realCluster(kubeconfig, name));

// Both mostly wait, for a bookmark the one and for namespaces to go the other.
describe.concurrent('a contract', () => {
  contract('a real Kubernetes', it);
  recordedAnswers(kubeconfig, name === undefined ? FOREIGN : undefined);
});
