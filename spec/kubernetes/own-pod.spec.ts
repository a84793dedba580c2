import { expect, it } from 'vitest';
import { ownContainer } from '../../lib/kubernetes/identity.ts';
import { Container } from '../support/container.ts';

const FILES = { 'ca.crt': 'ca', namespace: 'prod' };
const POD = { POD_NAME: 'app-0', POD_UID: 'uid-0' };

/** As Kubernetes issues it for a Pod; nobody verifies its signature here. */
function tokenOf(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.signature`;
}

const bound = tokenOf({ 'kubernetes.io': { pod: { name: 'app-1', uid: 'uid-1' } } });

it.each<[string, string, Record<string, string>, object | undefined]>([
  ['by POD_NAME and POD_UID', bound, POD, { name: 'app-0', uid: 'uid-0' }],
  ['by its token, without POD_UID', bound, { POD_NAME: 'app-0' }, { name: 'app-1', uid: 'uid-1' }],
  ['by its token, without variables', bound, {}, { name: 'app-1', uid: 'uid-1' }],
  [
    'with its container',
    bound,
    { CONTAINER_NAME: 'app' },
    { name: 'app-1', uid: 'uid-1', containerName: 'app' },
  ],
  ['not if its token is bound to none', tokenOf({ 'kubernetes.io': {} }), {}, undefined],
  ['not if its token is no JWT', 'secret', {}, undefined],
  [
    'not if its token names what is no Pod',
    tokenOf({ 'kubernetes.io': { pod: { name: '../x', uid: 'uid' } } }),
    {},
    undefined,
  ],
])('a process knows its Pod %s', async (_, token, variables, expected) => {
  using container = new Container({ ...FILES, token }, variables);
  const found = await ownContainer(container, true);
  if (expected) expect(found).toMatchObject(expected);
  else expect(found).toBeUndefined();
});

it('a process with a kubeConfig does not ask the service account', async () => {
  using container = new Container({ ...FILES, token: bound }, {});
  expect(await ownContainer(container, false)).toBeUndefined();
});
