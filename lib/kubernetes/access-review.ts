import type { Api } from './api.ts';
import { child } from './json.ts';
import type { Right } from './role.ts';

const PATH = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

/** Asks the API server whether this user has a right. Every user may ask. */
export async function isAllowed(
  api: Api,
  namespace: string,
  { group, resource, name, verb }: Right,
  signal: AbortSignal,
): Promise<boolean> {
  const resourceAttributes = { namespace, verb, group, resource, ...(name && { name }) };
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const request = { method: 'POST' as const, path: PATH, body };
  return api.request(
    request,
    (review) => {
      const { allowed } = child(review, 'status');
      if (typeof allowed !== 'boolean') throw new Error('the answer is no access review');
      return allowed;
    },
    signal,
  );
}
