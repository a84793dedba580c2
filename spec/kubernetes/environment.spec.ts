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

describe('an environment variable', () => {
  it('is what it is set to', () => {
    expect(variable(of({ X: ' y ' }), 'X')).toBe(' y ');
  });

  it('may be missing', () => {
    expect(variable(of({}), 'X')).toBeUndefined();
    expect(variable(of({ X: undefined }), 'X')).toBeUndefined();
  });

  it.each(['', ' ', '\t\n'])('must not be empty: %j', (value) => {
    expect(() => variable(of({ X: value }), 'X')).toThrow(
      Object.assign(
        new TypeError(
          'The environment variable X is set but empty, as by a manifest with an empty `value`, or a ' +
            'script that passes on what it does not have. Set it, or leave it out.',
        ),
        { code: 'ERR_INVALID_ARGUMENT' },
      ),
    );
  });
});

describe('whether there is a cluster', () => {
  it('is told by the variables that Kubernetes sets', () => {
    expect(isInCluster(of(HOST))).toBe(true);
    expect(isInCluster(of({}))).toBe(false);
    expect(isInCluster(of({ KUBERNETES_SERVICE_PORT: '443' }))).toBe(false);
  });

  it('is not to be guessed from half of them', () => {
    const host = of({ KUBERNETES_SERVICE_HOST: '10.0.0.1' });
    expect(() => isInCluster(host)).toThrow(
      Object.assign(
        new TypeError(
          'KUBERNETES_SERVICE_HOST is set, but KUBERNETES_SERVICE_PORT is not. Kubernetes sets both in ' +
            'a Pod: pass both on to this process. Outside a cluster, unset both.',
        ),
        { code: 'ERR_INVALID_ARGUMENT' },
      ),
    );
  });

  it.each(Object.keys(HOST))('is not told by an empty %s', (name) => {
    expect(() => isInCluster(of({ ...HOST, [name]: '' }))).toThrow(
      new RegExp(
        `^The environment variable ${name} is set but empty, .* Kubernetes sets it in a Pod`,
      ),
    );
  });
});

describe('where the API server is', () => {
  it.each([
    ['10.0.0.1', '443'],
    ['fd00::1', '6443'],
    ['kubernetes.default.svc', '1'],
    ['API.Example.COM.', '65535'],
  ])('may be %s at %s', (host, port) => {
    const variables = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port };
    expect(isInCluster(of(variables))).toBe(true);
  });

  it.each([
    'a b',
    ' 10.0.0.1',
    'user:secret@host',
    'host/path',
    'host?a=b',
    '[::1]',
    '256.1.1.1',
    'a..b',
    '\u202e',
  ])('is no host %j', (host) => {
    expect(() => isInCluster(of({ ...HOST, KUBERNETES_SERVICE_HOST: host }))).toThrow(
      /^environment variable KUBERNETES_SERVICE_HOST must be a host name or an IP address, but/,
    );
  });

  it.each([
    '0',
    '-1',
    '65536',
    '1e3',
    '0x50',
    '443/tcp',
    'tcp://10.0.0.1:443',
    '٤٤٣',
    '9'.repeat(400),
  ])('is at no port %j', (port) => {
    expect(() => isInCluster(of({ ...HOST, KUBERNETES_SERVICE_PORT: port }))).toThrow(
      /^environment variable KUBERNETES_SERVICE_PORT must be a port, from 1 to 65535, but/,
    );
  });
});

describe('a file of the service account', () => {
  it.each(['token', 'ca.crt'])('%s is not read where it never ends', async (name) => {
    using container = new Container({ token: 'a', 'ca.crt': 'b' });
    container.remove(name);
    symlinkSync('/dev/zero', container.path(name));
    await expect(checkServiceAccount(container)).rejects.toMatchObject({
      code: 'ERR_NO_SERVICE_ACCOUNT',
      cause: { message: 'it is no regular file' },
    });
  });

  it('is not waited for where it is a pipe that nobody writes to', async () => {
    using container = new Container({ token: 'a', 'ca.crt': 'b' });
    execFileSync('mkfifo', [container.path('namespace')]);
    expect(await serviceAccountNamespace(container)).toBeUndefined();
  });

  it('is not read where it is too large', async () => {
    using container = new Container({ token: 'a', 'ca.crt': 'b' });
    truncateSync(container.path('token'), 2 ** 40);
    await expect(checkServiceAccount(container)).rejects.toMatchObject({
      code: 'ERR_NO_SERVICE_ACCOUNT',
      cause: { message: 'it has more than 1048576 bytes' },
    });
  });
});

describe('the service account', () => {
  const files = { token: 'top-secret', 'ca.crt': 'certificate' };

  it('is there with its token and certificate', async () => {
    using container = new Container(files);
    await expect(checkServiceAccount(container)).resolves.toBeUndefined();
  });

  it.each(Object.keys(files))('is not there without %s', async (name) => {
    using container = new Container(files);
    container.remove(name);
    await expect(checkServiceAccount(container)).rejects.toMatchObject({
      name: 'LeaderElectionError',
      code: 'ERR_NO_SERVICE_ACCOUNT',
      message:
        `KUBERNETES_SERVICE_HOST is set, so this is a Pod, but ${container.path(name)} ` +
        'cannot be read. Remove automountServiceAccountToken: false from the Pod and its ' +
        'ServiceAccount. Outside a cluster, unset KUBERNETES_SERVICE_HOST.',
      cause: { code: 'ENOENT' },
    });
  });

  it.each(Object.keys(files))('is not there with an empty %s', async (name) => {
    using container = new Container(files);
    container.write(name, ' \n');
    const checking = checkServiceAccount(container);
    await expect(checking).rejects.toMatchObject({
      code: 'ERR_NO_SERVICE_ACCOUNT',
      message: expect.stringContaining(`but ${container.path(name)} is empty. Remove `),
    });
  });

  it('never shows its token', async () => {
    using container = new Container(files);
    container.remove('ca.crt');
    const error: unknown = await checkServiceAccount(container).catch((reason: unknown) => reason);
    expect(JSON.stringify([error, String(error)])).not.toContain('top-secret');
  });

  it.each([
    ['prod', 'prod'],
    ['prod\n', 'prod'],
    [' prod \r\n', 'prod'],
    ['', undefined],
    ['\n', undefined],
  ])('has the namespace of its file: %j', async (content, namespace) => {
    using container = new Container({ namespace: content });
    await expect(serviceAccountNamespace(container)).resolves.toBe(namespace);
  });

  it('may have no namespace', async () => {
    using container = new Container();
    await expect(serviceAccountNamespace(container)).resolves.toBeUndefined();
  });
});
