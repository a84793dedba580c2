import { inject } from 'vitest';

import { control } from '../cluster/component.ts';
import { load } from '../cluster/state.ts';
import { becomeBehaviour } from './become.ts';
import { leadBehaviour } from './lead.ts';
import { observeBehaviour } from './observe.ts';
import { type Powers, openRealCluster } from './real-cluster.ts';

const { kubeconfig, name } = inject('cluster');

/** What can be done to the project's own cluster. */
function powersOver(clusterName: string): Powers {
  const cluster = load(clusterName);
  if (!cluster) throw new Error(`there is no cluster ${clusterName}`);
  const manager = control(cluster, 'kube-controller-manager');
  return {
    auditLog: cluster.auditLog,
    stopGarbageCollector: () => manager.stop(),
    startGarbageCollector: () => manager.continue(),
  };
}

const powers = name === undefined ? undefined : powersOver(name);

const open = () => openRealCluster(kubeconfig, name, powers);

becomeBehaviour(
  'a real Kubernetes',
  open,
  powers ? undefined : "the cluster is not the project's own (CLUSTER)",
);

leadBehaviour('a real Kubernetes', open);
observeBehaviour('a real Kubernetes', open);
