/** The two kinds of object that are a lock, by the mode of the election. */
export const lockKinds = {
  life: { kind: 'ConfigMap', group: '', resource: 'configmaps' },
  lease: { kind: 'Lease', group: 'coordination.k8s.io', resource: 'leases' },
} as const;

export type Mode = keyof typeof lockKinds;

/** The path of all locks of a mode. */
export function locksPath(mode: Mode, namespace: string): string {
  const root = mode === 'life' ? '/api/v1' : '/apis/coordination.k8s.io/v1';
  return `${root}/namespaces/${namespace}/${lockKinds[mode].resource}`;
}

/** The lock in messages. */
export function describeLock(mode: Mode, namespace: string, name: string): string {
  return `${lockKinds[mode].kind} ${namespace}/${name}`;
}
