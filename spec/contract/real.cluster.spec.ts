import { inject } from 'vitest';

import { contract } from './contract.ts';
import { realCluster } from './real-cluster.ts';
import { recordedAnswers } from './recorded.ts';

const { kubeconfig } = inject('cluster');

contract('a real Kubernetes', () => realCluster(kubeconfig));
recordedAnswers(kubeconfig);
