import { type V1EndpointSlice, Watch } from '@kubernetes/client-node';
import { nowMs } from '../lab/say.ts';
import type { Scene } from './scene.ts';

/** The Pods that a Service led to from a moment on. */
export interface Endpoints {
  readonly atMs: number;
  readonly pods: readonly string[];
}

/** Makes a Service with this selector, and notes where it leads, until the scene closes. */
export async function watchedService(
  scene: Scene,
  selector: Record<string, string>,
): Promise<readonly Endpoints[]> {
  const { core, namespace, kubeConfig } = scene;
  const body = { metadata: { name: 'leader' }, spec: { selector, ports: [{ port: 4040 }] } };
  await core.createNamespacedService({ namespace, body });
  const seen: Endpoints[] = [];
  const slices = new Map<string, readonly string[]>();
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  const note = (phase: string, slice: V1EndpointSlice) => {
    const ready = slice.endpoints?.filter(({ conditions }) => conditions?.ready !== false) ?? [];
    const pods = phase === 'DELETED' ? [] : ready.map(({ targetRef }) => targetRef?.name ?? '');
    slices.set(slice.metadata?.name ?? '', pods);
    seen.push({ atMs: nowMs(), pods: [...slices.values()].flat() });
  };
  let watch: AbortController | undefined;
  let isClosed = false;
  const open = async () => {
    if (isClosed) return;
    slices.clear();
    // The client ends every watch after a while.
    watch = await new Watch(kubeConfig).watch(path, {}, note, () => void open());
  };
  await open();
  scene.onClose(() => {
    isClosed = true;
    watch?.abort();
    return Promise.resolve();
  });
  return seen;
}
