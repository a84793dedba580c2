import { inject } from 'vitest';

import { openRealCluster } from '../behaviour/real-cluster.ts';
import { attacksOnLeases } from './attacks-on-leases.ts';
import { attacksOnLocks } from './attacks-on-locks.ts';
import { attackTest } from './intruder.ts';

const { kubeconfig, name } = inject('cluster');
const it = attackTest(await openRealCluster(kubeconfig, name));

attacksOnLocks('a real Kubernetes', it);
attacksOnLeases('a real Kubernetes', it);
