import type { Ref } from './cluster-options.ts';
import { invalidArgument } from '../errors.ts';

export function parts(ref: Ref): { namespace: string; name: string } {
  if (typeof ref !== 'string') {
    checkRef(ref);
    const { name, namespace = 'default' } = ref.metadata as { name: string; namespace?: string };
    return { namespace, name };
  }
  const [namespace, name] = ref.split('/');
  return name === undefined
    ? { namespace: 'default', name: ref }
    : { namespace: namespace ?? '', name };
}

function checkRef(ref: unknown): void {
  const { metadata } = Object(ref) as { readonly metadata?: unknown };
  const { name, namespace = '' } = Object(metadata) as Readonly<Record<string, unknown>>;
  if (typeof name === 'string' && typeof namespace === 'string') return;
  throw invalidArgument('ref', "'name', 'namespace/name' or an object of the cluster", ref);
}
