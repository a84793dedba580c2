import type { PodAction } from './schedule.ts';

/** The buttons of a Pod, by what they concern, and what each does. */
export const GROUPS: Readonly<Record<string, Readonly<Partial<Record<PodAction, string>>>>> = {
  Process: {
    release: 'The program ends its work, releases the lock, and exits. Its container restarts.',
    crash: 'The process is killed. Its container restarts in the same Pod.',
    stop: 'SIGSTOP: the process stands still until you press again.',
  },
  Pod: {
    delete: 'As kubectl delete pod: SIGTERM, and 30 s to end.',
    'delete-foreground':
      'As with --cascade=foreground: the lock is deleted while the Pod still ends.',
    evict: 'The Pod fails, as when its node is short of memory, and its object stays.',
    kill: 'The process is killed, and its Pod is deleted without a grace period.',
  },
  Network: {
    cut: 'Nothing passes between the Pod and the API server until you press again.',
    slow: 'Each request and each answer takes 1.5 s on its way, until you press again.',
  },
  Clock: {
    'fast-clock': 'The clock of the process runs 1.2 times as fast, until you press again.',
    'slow-clock': 'The clock of the process runs 0.8 times as fast, until you press again.',
  },
  Node: {
    node: 'The network of the node fails, and Kubernetes notices after 40 s. Press again to undo it.',
  },
};
