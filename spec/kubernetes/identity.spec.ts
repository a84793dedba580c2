import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';

import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Candidate, identify, locate } from '../../lib/kubernetes/identity.ts';
import { type BecomeOptions, checkOptions } from '../../lib/life/options.ts';
import { Container } from '../support/container.ts';

const IN_CLUSTER = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
const POD = { POD_NAME: 'app-0', POD_UID: 'uid-of-app-0', POD_NAMESPACE: 'prod' };
const files = { token: 'secret', 'ca.crt': 'ca', namespace: 'from-file\n' };

let container: Container;

beforeEach(() => {
  container = new Container(files, { ...IN_CLUSTER, ...POD });
  for (const [name, value] of Object.entries(IN_CLUSTER)) vi.stubEnv(name, value);
});

afterEach(() => {
  container[Symbol.dispose]();
  vi.unstubAllEnvs();
});

const who = (options: BecomeOptions = {}) => identify(container, checkOptions('my-lock', options));

/** Who it is, without how it gets access. */
async function named(options?: BecomeOptions): Promise<Omit<Candidate, 'credentials' | 'server'>> {
  const { credentials: _, server: __, ...rest } = await who(options);
  return rest;
}

function kubeConfig(namespace?: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: 'https://example.com' }],
    users: [{ name: 'u', token: 'of-kubeconfig' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u', ...(namespace && { namespace }) }],
    currentContext: 'x',
  });
  return config;
}

describe('a candidate in a cluster', () => {
  it('is the Pod that the downward API names', async () => {
    await expect(named()).resolves.toEqual({
      namespace: 'prod',
      podName: 'app-0',
      podUid: 'uid-of-app-0',
    });
  });

  it('has access by its service account', async () => {
    const { credentials } = await who();
    const access = await credentials?.access();
    expect(access?.server.host).toBe('10.0.0.1');
    expect(access?.headers).toEqual({ authorization: 'Bearer secret' });
  });

  it('is whom the options name', async () => {
    const options = { namespace: 'test', podName: 'other', podUid: 'uid-of-other' };
    await expect(named(options)).resolves.toEqual(options);
  });

  it('may not know its UID', async () => {
    container.variables['POD_UID'] = undefined;
    await expect(named()).resolves.toMatchObject({ podUid: undefined });
  });

  it('does not take the UID of one Pod for that of another', async () => {
    await expect(named({ podName: 'other' })).resolves.toMatchObject({ podUid: undefined });
    await expect(named({ podName: 'app-0' })).resolves.toMatchObject({ podUid: POD.POD_UID });
  });

  it('takes the UID for that of the Pod in the options if there is no other name', async () => {
    container.variables['POD_NAME'] = undefined;
    await expect(named({ podName: 'other' })).resolves.toMatchObject({ podUid: POD.POD_UID });
  });

  it("is in its service account's namespace where nothing else says so", async () => {
    container.variables['POD_NAMESPACE'] = undefined;
    await expect(named()).resolves.toMatchObject({ namespace: 'from-file' });
    await expect(named({ kubeConfig: kubeConfig('from-context') })).resolves.toMatchObject({
      namespace: 'from-file',
    });
  });

  it('has to have a namespace', async () => {
    container.variables['POD_NAMESPACE'] = undefined;
    container.remove('namespace');
    await expect(who()).rejects.toMatchObject({
      name: 'LeaderElectionError',
      code: 'ERR_NO_NAMESPACE',
      message:
        'Nothing says which namespace this Pod is in: its service account has no namespace file. Set ' +
        'POD_NAMESPACE from the downward API (fieldPath: metadata.namespace), or options.namespace.',
    });
  });

  it('has to have a name', async () => {
    container.variables['POD_NAME'] = undefined;
    await expect(who()).rejects.toMatchObject({
      name: 'LeaderElectionError',
      code: 'ERR_NO_POD_NAME',
      message: `Neither POD_NAME nor options.podName says which Pod this is. Add to the container:

env:
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: POD_UID
  valueFrom: { fieldRef: { fieldPath: metadata.uid } }
- name: POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
`,
    });
  });

  it('has to have a service account', async () => {
    container.remove('token');
    await expect(who()).rejects.toMatchObject({ code: 'ERR_NO_SERVICE_ACCOUNT' });
  });

  it.each([
    ['POD_NAME', '', 'the downward API (fieldPath: metadata.name)'],
    ['POD_UID', ' ', 'the downward API (fieldPath: metadata.uid)'],
    ['POD_NAMESPACE', '', 'the downward API (fieldPath: metadata.namespace)'],
    ['KUBERNETES_SERVICE_HOST', '', 'Kubernetes sets it in a Pod'],
    ['KUBERNETES_SERVICE_PORT', '', 'Kubernetes sets it in a Pod'],
  ])('is told what to do about %s=%j', async (name, value, remedy) => {
    container.variables[name] = value;
    const identifying = who();
    await expect(identifying).rejects.toBeInstanceOf(TypeError);
    await expect(identifying).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(
        new RegExp(`^The environment variable ${name} is set but empty, `),
      ),
    });
    await expect(identifying).rejects.toThrow(remedy);
  });

  it.each([
    ['POD_NAME', 'App_0', "a Pod's name"],
    ['POD_NAME', 'app-0\n', "a Pod's name"],
    ['POD_UID', 'not a uid', "a Pod's UID"],
    ['POD_NAMESPACE', 'kube.system', "a namespace's name"],
    ['POD_NAMESPACE', '../secrets', "a namespace's name"],
  ])('is not told who it is by %s=%j', async (name, value, expected) => {
    container.variables[name] = value;
    const identifying = who();
    await expect(identifying).rejects.toBeInstanceOf(TypeError);
    await expect(identifying).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: `environment variable ${name} must be ${expected}, but is ${JSON.stringify(value)}`,
    });
  });
});

describe('the API server of a candidate', () => {
  it.each([
    ['10.0.0.1', 'https://10.0.0.1:443'],
    ['fd00::1', 'https://[fd00::1]:443'],
  ])('is %s in a Pod whose environment says so', async (host, server) => {
    container.variables['KUBERNETES_SERVICE_HOST'] = host;
    container.variables['KUBERNETES_SERVICE_PORT'] = '443';
    await expect(who()).resolves.toMatchObject({ server });
  });

  it('is that of a kubeConfig, if one is given', async () => {
    await expect(who({ kubeConfig: kubeConfig() })).resolves.toMatchObject({
      server: 'https://example.com/',
    });
  });
});

describe('a candidate with a kubeConfig', () => {
  it('has access by that, wherever it runs', async () => {
    const { credentials } = await who({ kubeConfig: kubeConfig() });
    const access = await credentials?.access();
    expect(access?.server.host).toBe('example.com');
    expect(access?.headers).toEqual({ authorization: 'Bearer of-kubeconfig' });
  });

  it('needs no service account, nor a cluster around it', async () => {
    using elsewhere = new Container({}, { POD_NAME: 'app-0' });
    const options = checkOptions('my-lock', { kubeConfig: kubeConfig('from-context') });
    await expect(identify(elsewhere, options)).resolves.toMatchObject({
      namespace: 'from-context',
      podName: 'app-0',
    });
  });

  it('does not care for half a cluster around it', async () => {
    container.variables['KUBERNETES_SERVICE_PORT'] = undefined;
    await expect(named({ kubeConfig: kubeConfig() })).resolves.toMatchObject({ namespace: 'prod' });
  });

  it('has to have a namespace', async () => {
    using elsewhere = new Container({}, { POD_NAME: 'app-0' });
    const options = checkOptions('my-lock', { kubeConfig: kubeConfig() });
    await expect(identify(elsewhere, options)).rejects.toMatchObject({
      code: 'ERR_NO_NAMESPACE',
      message:
        'The kubeConfig\'s current context "x" has no namespace. Set options.namespace or ' +
        'POD_NAMESPACE, or give the context one: kubectl config set-context --current ' +
        '--namespace NAMESPACE',
    });
    const empty = checkOptions('my-lock', { kubeConfig: kubeConfig('') });
    await expect(identify(elsewhere, empty)).rejects.toMatchObject({ code: 'ERR_NO_NAMESPACE' });
  });

  it('has to have a namespace that can be one', async () => {
    using elsewhere = new Container({}, { POD_NAME: 'app-0' });
    const options = checkOptions('my-lock', { kubeConfig: kubeConfig('Not/One') });
    await expect(identify(elsewhere, options)).rejects.toThrow(TypeError);
  });

  it('has to have a name', async () => {
    using elsewhere = new Container();
    const options = checkOptions('my-lock', { kubeConfig: kubeConfig('x') });
    await expect(identify(elsewhere, options)).rejects.toMatchObject({ code: 'ERR_NO_POD_NAME' });
  });

  it('has to lead somewhere', async () => {
    await expect(who({ kubeConfig: new KubeConfig() })).rejects.toMatchObject({
      code: 'ERR_KUBECONFIG',
    });
  });
});

describe('a candidate outside a cluster', () => {
  it('has no access, and need not know who it is', async () => {
    using elsewhere = new Container();
    await expect(identify(elsewhere, checkOptions('my-lock', {}))).resolves.toEqual({
      namespace: '',
      podName: '',
      podUid: undefined,
      server: '',
      credentials: undefined,
    });
  });

  it('is who it says it is', async () => {
    const { POD_UID: _, ...pod } = POD;
    using elsewhere = new Container({}, pod);
    await expect(identify(elsewhere, checkOptions('my-lock', {}))).resolves.toEqual({
      namespace: 'prod',
      podName: 'app-0',
      podUid: undefined,
      server: '',
      credentials: undefined,
    });
  });

  it('is not told nonsense all the same', async () => {
    using elsewhere = new Container({}, { POD_NAME: '' });
    await expect(identify(elsewhere, checkOptions('my-lock', {}))).rejects.toBeInstanceOf(
      TypeError,
    );
  });
});

describe('a Pod whose program does not know of the cluster, as after env -i', () => {
  it.each([
    ['POD_UID is set', 'unset POD_UID', {}, POD],
    [
      '{root}/var/run/secrets/kubernetes.io/serviceaccount/token exists',
      'remove that file',
      files,
      {},
    ],
    ['POD_UID is set', 'unset POD_UID', files, POD],
  ])(
    'is no candidate, for it would lead beside others: %s',
    async (sign, remedy, has, variables) => {
      using pod = new Container(has, variables);
      const message =
        `${sign.replace('{root}', pod.root)}, so this is a Pod, but KUBERNETES_SERVICE_HOST is not ` +
        'set, so nothing says where the API server is. A program that is started with a cleaned ' +
        'environment (env -i, su -, sudo) loses it: pass KUBERNETES_SERVICE_HOST and ' +
        `KUBERNETES_SERVICE_PORT on. Outside a cluster, ${remedy}, or pass a kubeConfig.`;
      for (const find of [identify, locate]) {
        await expect(find(pod, checkOptions('my-lock', {}))).rejects.toMatchObject({
          name: 'LeaderElectionError',
          code: 'ERR_NO_API_SERVER',
          message,
        });
      }
    },
  );

  it.each([
    ['a link whose target is missing', '..data/token'],
    ['a link to itself', 'token'],
  ])('is no candidate although its token cannot be read: %s', async (_, target) => {
    using pod = new Container({ 'ca.crt': 'ca' }, {});
    symlinkSync(target, pod.path('token'));
    await expect(identify(pod, checkOptions('my-lock', {}))).rejects.toMatchObject({
      code: 'ERR_NO_API_SERVER',
      message: expect.stringContaining('serviceaccount/token exists, so this is a Pod'),
    });
  });

  it('is no candidate where its token cannot be looked for', async () => {
    using pod = new Container({}, {});
    const folder = dirname(pod.path('token'));
    mkdirSync(dirname(folder), { recursive: true });
    // Root may enter every folder, but nobody follows a link to itself.
    symlinkSync('serviceaccount', folder);
    await expect(identify(pod, checkOptions('my-lock', {}))).rejects.toMatchObject({
      code: 'ERR_NO_API_SERVER',
      message: expect.stringContaining(
        'serviceaccount/token exists (ELOOP), but KUBERNETES_SERVICE_HOST',
      ),
    });
  });

  it('is one with a kubeConfig', async () => {
    using pod = new Container(files, POD);
    const options = checkOptions('my-lock', { kubeConfig: kubeConfig() });
    await expect(identify(pod, options)).resolves.toMatchObject({ podUid: POD.POD_UID });
  });
});
