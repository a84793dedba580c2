import { execFileSync } from 'node:child_process';
import { symlinkSync, truncateSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import {
  checkServiceAccount,
  isInCluster,
  serviceAccountNamespace,
  variable,
} from '../../lib/kubernetes/environment.ts';
import { Container } from '../support/container.ts';

const HOST = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
const of = (variables: Record<string, string | undefined>) => ({ variables, root: '/' });
const invalid = (message: string) =>
  Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARGUMENT' });

describe('variable', () => {
  it.each([
    [{ X: ' y ' }, ' y '],
    [{}, undefined],
    [{ X: undefined }, undefined],
  ])('of %j is %j', (variables, value) => {
    expect(variable(of(variables), 'X')).toBe(value);
  });

  it.each(['', ' ', '\t\n'])('throws at an empty value: %j', (value) => {
    expect(() => variable(of({ X: value }), 'X')).toThrow(
      invalid(
        'The environment variable X is set but empty, as by a manifest with an empty `value`, or a ' +
          'script that passes on what it does not have. Set it, or leave it out.',
      ),
    );
  });
});

describe('isInCluster', () => {
  it.each([
    [HOST, true],
    [{ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }, true],
    [{ KUBERNETES_SERVICE_HOST: 'kubernetes.default.svc', KUBERNETES_SERVICE_PORT: '1' }, true],
    [{ KUBERNETES_SERVICE_HOST: 'API.Example.COM.', KUBERNETES_SERVICE_PORT: '65535' }, true],
    [{ KUBERNETES_SERVICE_PORT: '443' }, false],
    [{}, false],
  ])('with %j is %s', (variables, is) => {
    expect(isInCluster(of(variables))).toBe(is);
  });

  it('throws at a host without a port', () => {
    expect(() => isInCluster(of({ KUBERNETES_SERVICE_HOST: '10.0.0.1' }))).toThrow(
      invalid(
        'KUBERNETES_SERVICE_HOST is set, but KUBERNETES_SERVICE_PORT is not. Kubernetes sets both in ' +
          'a Pod: pass both on to this process. Outside a cluster, unset both.',
      ),
    );
  });

  const hosts = [
    ...['a b', ' 10.0.0.1', 'user:secret@host', 'host/path', 'host?a=b', '[::1]', '256.1.1.1'],
    ...['a..b', '\u202e'],
  ];
  const ports = [
    ...['0', '-1', '65536', '1e3', '0x50', '443/tcp', 'tcp://10.0.0.1:443', '٤٤٣'],
    '9'.repeat(400),
  ];
  it.each<[string, string, string]>([
    ...Object.keys(HOST).map((name): [string, string, string] => [
      name,
      '',
      `The environment variable ${name} is set but empty, .* Kubernetes sets it in a Pod`,
    ]),
    ...hosts.map((host): [string, string, string] => [
      'KUBERNETES_SERVICE_HOST',
      host,
      'environment variable KUBERNETES_SERVICE_HOST must be a host name or an IP address, but',
    ]),
    ...ports.map((port): [string, string, string] => [
      'KUBERNETES_SERVICE_PORT',
      port,
      'environment variable KUBERNETES_SERVICE_PORT must be a port, from 1 to 65535, but',
    ]),
  ])('throws at %s=%j', (name, value, message) => {
    expect(() => isInCluster(of({ ...HOST, [name]: value }))).toThrow(new RegExp(`^${message}`));
  });
});

describe('checkServiceAccount', () => {
  const files = { token: 'top-secret', 'ca.crt': 'certificate' };

  it('resolves if the token and the certificate are there', async () => {
    using container = new Container(files);
    await expect(checkServiceAccount(container)).resolves.toBeUndefined();
  });

  const cannot = expect.stringContaining('cannot be read. Remove ') as unknown;
  it.each<[string, string, (container: Container, name: string) => void, object]>(
    Object.keys(files).flatMap((name): [string, string, typeof remove, object][] => [
      [name, 'is missing', remove, { message: cannot, cause: { code: 'ENOENT' } }],
      [
        name,
        'is empty',
        (container) => container.write(name, ' \n'),
        { message: expect.stringContaining('is empty. Remove ') as unknown },
      ],
      [
        name,
        'never ends',
        (container) => {
          container.remove(name);
          symlinkSync('/dev/zero', container.path(name));
        },
        { cause: { message: 'it is no regular file' } },
      ],
      [
        name,
        'is too large',
        (container) => truncateSync(container.path(name), 2 ** 40),
        { cause: { message: 'it has more than 1048576 bytes' } },
      ],
    ]),
  )('rejects if %s %s, without a word of the token', async (name, _, damage, expected) => {
    using container = new Container(files);
    damage(container, name);
    const error = await checkServiceAccount(container).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'LeaderElectionError', code: 'ERR_NO_SERVICE_ACCOUNT' });
    expect(error).toMatchObject(expected);
    expect(String(error)).toContain(`but ${container.path(name)} `);
    expect(JSON.stringify([error, String(error)])).not.toContain('top-secret');
  });

  it('says what to do', async () => {
    using container = new Container();
    await expect(checkServiceAccount(container)).rejects.toThrow(
      `KUBERNETES_SERVICE_HOST is set, so this is a Pod, but ${container.path('token')} cannot be ` +
        'read. Remove automountServiceAccountToken: false from the Pod and its ServiceAccount. ' +
        'Outside a cluster, unset KUBERNETES_SERVICE_HOST.',
    );
  });
});

function remove(container: Container, name: string): void {
  container.remove(name);
}

describe('serviceAccountNamespace', () => {
  it.each([
    ['prod', 'prod'],
    [' prod \r\n', 'prod'],
    ['', undefined],
    ['\n', undefined],
    [undefined, undefined],
  ])('of a file with %j is %j', async (content, namespace) => {
    using container = new Container(content === undefined ? {} : { namespace: content });
    await expect(serviceAccountNamespace(container)).resolves.toBe(namespace);
  });

  it('does not wait for a pipe that nobody writes to', async () => {
    using container = new Container({ token: 'a', 'ca.crt': 'b' });
    execFileSync('mkfifo', [container.path('namespace')]);
    expect(await serviceAccountNamespace(container)).toBeUndefined();
  });
});
