import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { LeaderElectionError, invalidArgument } from '../errors.ts';

/** What the surroundings of the process say; injected so that specs can make them up. */
export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Where the container's file system begins. */
  readonly root: string;
}

export const SERVICE_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

/** An environment variable; set but empty is a slip in somebody's YAML, and an error. */
export function variable(environment: Environment, name: string): string | undefined {
  const value = environment.variables[name];
  if (value?.trim() === '') {
    throw invalidArgument(`environment variable ${name}`, 'unset or not empty', value);
  }
  return value;
}

/** Whether this process runs in a Pod of a cluster (as client-go tells). */
export function isInCluster(environment: Environment): boolean {
  if (variable(environment, 'KUBERNETES_SERVICE_HOST') === undefined) return false;
  if (variable(environment, 'KUBERNETES_SERVICE_PORT') === undefined) {
    throw invalidArgument('environment variable KUBERNETES_SERVICE_PORT', 'set', undefined);
  }
  return true;
}

/** Throws ERR_NO_SERVICE_ACCOUNT unless the Pod has its token and the API server's CA. */
export async function checkServiceAccount(environment: Environment): Promise<void> {
  for (const file of ['token', 'ca.crt']) {
    const path = join(environment.root, SERVICE_ACCOUNT_PATH, file);
    const content = await readFile(path, 'utf8').catch((cause: unknown) => {
      throw noServiceAccount(path, 'cannot be read', cause);
    });
    if (content.trim() === '') throw noServiceAccount(path, 'is empty');
  }
}

function noServiceAccount(path: string, what: string, cause?: unknown): LeaderElectionError {
  return new LeaderElectionError(
    'ERR_NO_SERVICE_ACCOUNT',
    `KUBERNETES_SERVICE_HOST is set, so this is a Pod, but ${path} ${what}. Remove ` +
      'automountServiceAccountToken: false from the Pod and its ServiceAccount. Outside a ' +
      'cluster, unset KUBERNETES_SERVICE_HOST.',
    { cause },
  );
}

/** The namespace of the Pod's service account, or undefined without one. */
export async function serviceAccountNamespace(
  environment: Environment,
): Promise<string | undefined> {
  const path = join(environment.root, SERVICE_ACCOUNT_PATH, 'namespace');
  const content = await readFile(path, 'utf8').catch(() => '');
  return content.trim() || undefined;
}
