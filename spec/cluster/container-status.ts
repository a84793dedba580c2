import type { V1ContainerStatus } from '@kubernetes/client-node';

/** The status that a kubelet reports for a container. */
export function containerStatus(state: 'running' | 'terminated', name = 'main'): V1ContainerStatus {
  return {
    name,
    image: 'example.com/image',
    imageID: '',
    ready: state === 'running',
    restartCount: 0,
    state:
      state === 'running'
        ? { running: { startedAt: new Date() } }
        : { terminated: { exitCode: 0 } },
  };
}
