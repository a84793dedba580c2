import { describe, expect, test } from 'vitest';

import { createCluster } from '../../lib/testing/index.ts';

const PATH = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

async function allowed(verb: string, name?: string, namespace = 'default'): Promise<unknown> {
  await using cluster = await createCluster({ http: false });
  const rules = [{ resources: ['configmaps'], verbs: ['get'], resourceNames: ['lock'] }];
  cluster.grant('user', rules);
  const resourceAttributes = { verb, namespace, group: '', resource: 'configmaps', name };
  const body = { kind: 'SelfSubjectAccessReview', spec: { resourceAttributes } };
  const request = { method: 'POST' as const, path: PATH, body };
  const { signal } = new AbortController();
  const answer = await cluster.transport({ user: 'user' }).send(request, signal);
  let text = '';
  for await (const part of answer.body) text += part;
  expect(answer.status).toBe(201);
  return (JSON.parse(text) as { status: { allowed: unknown } }).status.allowed;
}

describe('a SelfSubjectAccessReview', () => {
  test('is answered from what was granted, even to a user who may do little else', async () => {
    expect(await allowed('get', 'lock')).toBe(true);
    expect(await allowed('get', 'other')).toBe(false);
    expect(await allowed('get')).toBe(false);
    expect(await allowed('delete', 'lock')).toBe(false);
    expect(await allowed('get', 'lock', 'elsewhere')).toBe(false);
  });
});
