import { createSign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { KubeConfig, type V1PolicyRule } from '@kubernetes/client-node';

import { realCluster as behaviourCluster } from '../behaviour/real-cluster.ts';
import { load } from '../cluster/state.ts';
import type { ContractCluster, User } from './space.ts';
import { type Answer, Wire } from './wire.ts';

/** The library takes a watch for dead that is silent for longer. */
const PATIENCE_MS = 150_000;

/** Why some of it is skipped on a cluster that is not the project's own. */
export const FOREIGN = 'a cluster of yours is used (CLUSTER)';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/**
 * A real cluster as the contract wants it; it needs an administrator's kubeconfig. The name is that
 * of the project's own cluster, if it is that one.
 */
export async function realCluster(
  kubeConfigPath: string,
  name: string | undefined,
): Promise<ContractCluster> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeConfigPath);
  const admin = await Wire.of(kubeConfig);
  const cleanUps: (() => Promise<unknown>)[] = [];
  const behaviour = behaviourCluster(kubeConfigPath, undefined);

  return {
    admin,
    patienceMs: PATIENCE_MS,
    user: async (namespace, rules) => {
      const { name } = await behaviour.user(namespace, [...rules]);
      await whenAllowed(admin, namespace, name, rules);
      return withTokens(admin, namespace, name);
    },
    limit: (namespace, hard) => limit(admin, namespace, hard),
    expiredToken: async (namespace) => {
      const cluster = name === undefined ? undefined : load(name);
      if (!cluster) return "only the project's own cluster lets one sign tokens of the past";
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
      const { body } = await create(admin, path, { metadata: { name: 'late' } });
      const key = await readFile(join(cluster.folder, 'service-accounts.key'), 'utf8');
      const token = tokenOfThePast(key, namespace, 'late', body.metadata?.uid ?? '');
      await checkExpired(admin, token);
      return { token };
    },
    ...(name === undefined && { confined: FOREIGN }),
    tooOld: async () => {
      const { path, remove } = await createKind(admin);
      cleanUps.push(remove);
      return { path, resourceVersion: '1' };
    },
    [Symbol.asyncDispose]: async () => {
      for (const cleanUp of cleanUps) await cleanUp();
    },
  };
}

/**
 * What a token is bound to can be deleted: that is how a token ends before its time, as one does
 * whose Pod is gone.
 */
async function withTokens(admin: Wire, namespace: string, name: string): Promise<User> {
  const account = name.split(':').at(-1) ?? '';
  const secrets = `/api/v1/namespaces/${namespace}/secrets`;
  const secret = await create(admin, secrets, { metadata: { name: account } });
  const { name: boundTo = '', uid } = secret.body.metadata ?? {};
  const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name: boundTo, uid };
  const tokenFor = async (spec: object) => {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const answer = await create(admin, path, { spec: { audiences: [], ...spec } });
    const { token } = answer.body.status as { token: string };
    return admin.withToken(token);
  };
  return {
    name,
    wire: await tokenFor({ boundObjectRef }),
    renew: async () => {
      await admin.send('DELETE', `${secrets}/${boundTo}`);
      return tokenFor({});
    },
  };
}

/** The authorizer learns of Roles by a watch; until then everything is denied. */
async function whenAllowed(
  admin: Wire,
  namespace: string,
  user: string,
  rules: readonly V1PolicyRule[],
): Promise<void> {
  for (const { apiGroups, resources, verbs, resourceNames } of rules) {
    const [group, resource, verb, name] = [apiGroups, resources, verbs, resourceNames].map(
      (list) => list?.[0],
    );
    // Of a cluster-wide resource a Role allows nothing.
    if (resource === 'nodes') continue;
    const resourceAttributes = { namespace, group, resource, verb, ...(name && { name }) };
    const body = { spec: { user, resourceAttributes } };
    await untilTrue(async () => {
      const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
      const answer = await create(admin, path, body);
      return (answer.body.status as { allowed: boolean }).allowed;
    });
  }
}

/** One that was valid for an hour, a day ago: TokenRequest makes none shorter than ten minutes. */
function tokenOfThePast(key: string, namespace: string, name: string, uid: string): string {
  const from = Math.floor(Date.now() / 1000) - 24 * 3600;
  const issuer = 'https://kubernetes.default.svc';
  const claims = {
    iss: issuer,
    aud: [issuer],
    sub: `system:serviceaccount:${namespace}:${name}`,
    iat: from,
    nbf: from,
    exp: from + 3600,
    'kubernetes.io': { namespace, serviceaccount: { name, uid } },
  };
  const encoded = [{ alg: 'RS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = createSign('RSA-SHA256').update(encoded).sign(key, 'base64url');
  return `${encoded}.${signature}`;
}

/** Were it refused for anything else, it would not be what it is said to be. */
async function checkExpired(admin: Wire, token: string): Promise<void> {
  const path = '/apis/authentication.k8s.io/v1/tokenreviews';
  const { body, text } = await create(admin, path, { spec: { token } });
  const { error } = body.status as { error?: string };
  if (!error?.includes('token has expired')) throw new Error(`not because it expired: ${text}`);
}

async function limit(
  admin: Wire,
  namespace: string,
  hard: Readonly<Record<string, number>>,
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/resourcequotas`;
  const texts = Object.entries(hard).map(([key, value]) => [key, String(value)]);
  const spec = { hard: Object.fromEntries(texts) };
  await create(admin, path, { metadata: { name: 'quota' }, spec });
  // Until the controller has counted, creates are refused for another reason.
  await untilTrue(async () => {
    const { body } = await admin.send('GET', `${path}/quota`);
    const { used = {} } = (body.status ?? {}) as { used?: object };
    return Object.keys(hard).every((key) => key in used);
  });
}

/**
 * A kind of its own: its history begins when it is made, so that version 1 was before, whereas the
 * history of built-in kinds may go back to the cluster's first version.
 */
async function createKind(admin: Wire) {
  const plural = `contracts${Math.random().toString(36).slice(2, 10)}`;
  const group = 'leader-for-life.example.com';
  const schema = { openAPIV3Schema: { type: 'object' } };
  await create(admin, DEFINITIONS, {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { plural, singular: plural, kind: `Kind${plural}`, listKind: `Kind${plural}List` },
      scope: 'Namespaced',
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  });
  const path = `/apis/${group}/v1/namespaces/default/${plural}`;
  await untilTrue(async () => (await admin.send('GET', path)).status === 200);
  return { path, remove: () => admin.send('DELETE', `${DEFINITIONS}/${plural}.${group}`) };
}

async function create(admin: Wire, path: string, body: unknown): Promise<Answer> {
  const answer = await admin.send('POST', path, { body });
  if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${answer.text}`);
  return answer;
}

async function untilTrue(look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms`);
    await sleep(50);
  }
}
