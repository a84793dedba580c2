import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';

import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, it as base } from 'vitest';

import { identify, locate } from '../../lib/kubernetes/identity.ts';
import { type BecomeOptions, checkOptions } from '../../lib/life/options.ts';
import { Container } from '../support/container.ts';

const SERVICE = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
const POD = { POD_NAME: 'app-0', POD_UID: 'uid-of-app-0', POD_NAMESPACE: 'prod' };
const FILES = { token: 'secret', 'ca.crt': 'ca', namespace: 'from-file\n' };
type Variables = Record<string, string | undefined>;

/** With one call of `identify` in a container: by default a Pod in which nothing is missing. */
const it = base.extend('who', ({}, { onCleanup }) => {
  return (
    options: BecomeOptions = {},
    changes: Variables = {},
    files: Partial<typeof FILES> = FILES,
  ) => {
    const container = new Container(files, {
      ...SERVICE,
      ...POD,
      ...changes,
    });
    onCleanup(() => container[Symbol.dispose]());
    return identify(container, checkOptions('my-lock', options));
  };
});

const gone = (...names: string[]): Variables =>
  Object.fromEntries(names.map((name) => [name, undefined]));
const outside = gone(...Object.keys({ ...SERVICE, ...POD }));

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

describe('identify', () => {
  const pod = { namespace: 'prod', podName: 'app-0', podUid: 'uid-of-app-0' };
  const others = { namespace: 'test', podName: 'other', podUid: 'uid-of-other' };
  const nobody = {
    namespace: '',
    podName: '',
    podUid: undefined,
    server: '',
    credentials: undefined,
  };
  const config = kubeConfig();
  const located = kubeConfig('from-context');
  const named = { podName: 'other' };

  it.for<[string, BecomeOptions, Variables, object]>([
    ['the downward API', {}, {}, pod],
    ['the options before it', others, {}, others],
    ['no POD_UID', {}, gone('POD_UID'), { ...pod, podUid: undefined }],
    ['no UID of another Pod', named, {}, { podName: 'other', podUid: undefined }],
    ['POD_UID for the same podName', { podName: 'app-0' }, {}, pod],
    ['POD_UID without POD_NAME', named, gone('POD_NAME'), { ...pod, podName: 'other' }],
    ['the namespace file', {}, gone('POD_NAMESPACE'), { namespace: 'from-file' }],
    [
      'the namespace file before a kubeConfig',
      { kubeConfig: located },
      gone('POD_NAMESPACE'),
      { namespace: 'from-file' },
    ],
    ['the server of the environment', {}, {}, { server: 'https://10.0.0.1:443' }],
    [
      'a server with an IPv6 address',
      {},
      { KUBERNETES_SERVICE_HOST: 'fd00::1' },
      { server: 'https://[fd00::1]:443' },
    ],
    ['the server of a kubeConfig', { kubeConfig: config }, {}, { server: 'https://example.com/' }],
    [
      'a kubeConfig beside half an environment',
      { kubeConfig: config },
      gone('KUBERNETES_SERVICE_PORT'),
      { namespace: 'prod' },
    ],
  ])('in a Pod takes %s', async ([, options, changes, expected], { who }) => {
    await expect(who(options, changes)).resolves.toMatchObject(expected);
  });

  it.for<[string, BecomeOptions, string, string]>([
    ['the service account', {}, '10.0.0.1', 'secret'],
    ['a kubeConfig', { kubeConfig: config }, 'example.com', 'of-kubeconfig'],
  ])('gives access by %s', async ([, options, host, token], { who }) => {
    const access = await (await who(options)).credentials?.access();
    expect(access?.server.host).toBe(host);
    expect(access?.headers).toEqual({ authorization: `Bearer ${token}` });
  });

  it.for<[string, BecomeOptions, Variables, object]>([
    [
      'needs no cluster with a kubeConfig',
      { kubeConfig: located },
      { POD_NAME: 'app-0' },
      {
        namespace: 'from-context',
        podName: 'app-0',
      },
    ],
    ['knows nobody', {}, {}, nobody],
    [
      'takes POD_NAME and POD_NAMESPACE',
      {},
      { POD_NAME: 'app-0', POD_NAMESPACE: 'prod' },
      { ...nobody, namespace: 'prod', podName: 'app-0' },
    ],
  ])('outside a cluster %s', async ([, options, changes, expected], { who }) => {
    await expect(who(options, { ...outside, ...changes }, {})).resolves.toMatchObject(expected);
  });

  const { namespace: _, ...unplaced } = FILES;
  const { token: __, ...unauthorized } = FILES;
  const elsewhere = { ...outside, POD_NAME: 'app-0' };
  const noNamespace =
    'The kubeConfig\'s current context "x" has no namespace. Set options.namespace or ' +
    'POD_NAMESPACE, or give the context one: kubectl config set-context --current ' +
    '--namespace NAMESPACE';
  it.for<[string, string, string, BecomeOptions, Variables, Partial<typeof FILES>]>([
    [
      'ERR_NO_NAMESPACE',
      'without a namespace',
      'Nothing says which namespace this Pod is in: its service account has no namespace file. Set ' +
        'POD_NAMESPACE from the downward API (fieldPath: metadata.namespace), or options.namespace.',
      {},
      gone('POD_NAMESPACE'),
      unplaced,
    ],
    [
      'ERR_NO_POD_NAME',
      'without a name',
      `Neither POD_NAME nor options.podName says which Pod this is. Add to the container:

env:
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: POD_UID
  valueFrom: { fieldRef: { fieldPath: metadata.uid } }
- name: POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
`,
      {},
      gone('POD_NAME'),
      FILES,
    ],
    ['ERR_NO_SERVICE_ACCOUNT', 'without a token', '/token cannot be read', {}, {}, unauthorized],
    [
      'ERR_NO_NAMESPACE',
      'with a kubeConfig without a namespace',
      noNamespace,
      { kubeConfig: config },
      elsewhere,
      {},
    ],
    [
      'ERR_NO_NAMESPACE',
      'with a kubeConfig with an empty namespace',
      noNamespace,
      { kubeConfig: kubeConfig('') },
      elsewhere,
      {},
    ],
    [
      'ERR_INVALID_ARGUMENT',
      'with a kubeConfig with an invalid namespace',
      "a namespace's name",
      { kubeConfig: kubeConfig('Not/One') },
      elsewhere,
      {},
    ],
    [
      'ERR_NO_POD_NAME',
      'with a kubeConfig, but no name',
      'Neither POD_NAME nor',
      { kubeConfig: located },
      outside,
      {},
    ],
    ['ERR_KUBECONFIG', 'with an empty kubeConfig', '', { kubeConfig: new KubeConfig() }, {}, FILES],
    ['ERR_INVALID_ARGUMENT', 'with an empty POD_NAME', '', {}, { ...outside, POD_NAME: '' }, {}],
  ])('rejects with %s %s', async ([code, , message, options, changes, files], { who }) => {
    const identifying = who(options, changes, files);
    await expect(identifying).rejects.toMatchObject({ code });
    await expect(identifying).rejects.toThrow(message);
  });

  const downward = (field: string) => `the downward API (fieldPath: metadata.${field})`;
  it.for<[string, string, string, string?]>([
    ['POD_NAME', '', downward('name')],
    ['POD_UID', ' ', downward('uid')],
    ['POD_NAMESPACE', '', downward('namespace')],
    ['KUBERNETES_SERVICE_HOST', '', 'Kubernetes sets it in a Pod'],
    ['KUBERNETES_SERVICE_PORT', '', 'Kubernetes sets it in a Pod'],
    ['POD_NAME', 'App_0', 'must be', "a Pod's name"],
    ['POD_NAME', 'app-0\n', 'must be', "a Pod's name"],
    ['POD_UID', 'not a uid', 'must be', "a Pod's UID"],
    ['POD_NAMESPACE', 'kube.system', 'must be', "a namespace's name"],
    ['POD_NAMESPACE', '../secrets', 'must be', "a namespace's name"],
  ])('rejects with a TypeError at %s=%j', async ([name, value, remedy, expected], { who }) => {
    const identifying = who({}, { [name]: value });
    await expect(identifying).rejects.toBeInstanceOf(TypeError);
    await expect(identifying).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(identifying).rejects.toThrow(remedy);
    await expect(identifying).rejects.toThrow(
      expected === undefined
        ? `The environment variable ${name} is set but empty, `
        : `environment variable ${name} must be ${expected}, but is ${JSON.stringify(value)}`,
    );
  });
});

describe('LIFE-1: a Pod without KUBERNETES_SERVICE_HOST, as after env -i, does not lead', () => {
  const noServer = (sign: string, remedy: string) => ({
    name: 'LeaderElectionError',
    code: 'ERR_NO_API_SERVER',
    message:
      `${sign}, so this is a Pod, but KUBERNETES_SERVICE_HOST is not ` +
      'set, so nothing says where the API server is. A program that is started with a cleaned ' +
      'environment (env -i, su -, sudo) loses it: pass KUBERNETES_SERVICE_HOST and ' +
      `KUBERNETES_SERVICE_PORT on. Outside a cluster, ${remedy}, or pass a kubeConfig.`,
  });
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token exists';

  it.for([
    ['POD_UID', 'POD_UID is set', 'unset POD_UID', {}, POD],
    ['a token', `{root}${token}`, 'remove that file', FILES, {}],
    ['both', 'POD_UID is set', 'unset POD_UID', FILES, POD],
  ] as const)('by the sign of %s', async ([, sign, remedy, files, variables]) => {
    using pod = new Container(files, variables);
    for (const find of [identify, locate]) {
      await expect(find(pod, checkOptions('my-lock', {}))).rejects.toMatchObject(
        noServer(sign.replace('{root}', pod.root), remedy),
      );
    }
  });

  it.for<[string, (pod: Container) => void, string]>([
    [
      'is a broken link',
      (pod) => symlinkSync('..data/token', pod.path('token')),
      `${token}, so this is a Pod`,
    ],
    ['links to itself', (pod) => symlinkSync('token', pod.path('token')), `${token}, so`],
    [
      'cannot be looked for',
      (pod) => {
        const folder = dirname(pod.path('token'));
        mkdirSync(dirname(folder), { recursive: true });
        // Root may enter every folder, but nobody follows a link to itself.
        symlinkSync('serviceaccount', folder);
      },
      `${token} (ELOOP), but KUBERNETES_SERVICE_HOST`,
    ],
  ])('although the token %s', async ([what, prepare, sign]) => {
    using pod = new Container(what === 'cannot be looked for' ? {} : { 'ca.crt': 'ca' }, {});
    prepare(pod);
    const identifying = identify(pod, checkOptions('my-lock', {}));
    await expect(identifying).rejects.toMatchObject({ code: 'ERR_NO_API_SERVER' });
    await expect(identifying).rejects.toThrow(sign);
  });

  it('unless it has a kubeConfig', async () => {
    using pod = new Container(FILES, POD);
    const options = checkOptions('my-lock', { kubeConfig: kubeConfig() });
    await expect(identify(pod, options)).resolves.toMatchObject({ podUid: POD.POD_UID });
  });
});
