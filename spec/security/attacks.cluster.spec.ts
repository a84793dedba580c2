import { inject } from 'vitest';

import { openRealCluster } from '../behaviour/real-cluster.ts';
import { attacksOnLeases } from './attacks-on-leases.ts';
import { attacksOnLocks } from './attacks-on-locks.ts';

const { kubeconfig, name } = inject('cluster');
const open = () => openRealCluster(kubeconfig, name);

attacksOnLocks('a real Kubernetes', open);
attacksOnLeases('a real Kubernetes', open);
