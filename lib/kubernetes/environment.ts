import { LeaderElectionError, badArgument, invalidArgument } from '../errors.ts';
import { isDnsSubdomain } from './names.ts';

/** The environment of the process; injected so that specs can replace it. */
export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Root of the container's file system. */
  readonly root: string;
}

export const SERVICE_ACCOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

// Loaded when used, and not imported: simulations run in browsers, too.
const files = () => process.getBuiltinModule('node:fs/promises');
const isIP = (text: string) => process.getBuiltinModule('node:net').isIP(text);
const join = (...parts: string[]) => process.getBuiltinModule('node:path').join(...parts);

/** The most that Kubernetes puts into a Secret or a ConfigMap, and so into a volume. */
const MAX_FILE_BYTES = 2 ** 20;

/**
 * An environment variable. If it is set but empty, that is a mistake in somebody's YAML, and an
 * error.
 */
export function variable(environment: Environment, name: string): string | undefined {
  const value = environment.variables[name];
  if (value?.trim() === '') {
    throw badArgument(
      `The environment variable ${name} is set but empty, as by a manifest with an empty \`value\`, or ` +
        `a script that passes on what it does not have. ${REMEDIES[name] ?? 'Set it, or leave it out.'}`,
    );
  }
  return value;
}

const fromDownwardApi = (field: string) =>
  `Set it from the downward API (fieldPath: ${field}), or leave it out.`;
const BY_KUBERNETES =
  'Kubernetes sets it in a Pod: pass it on as it is. Outside a cluster, unset it.';

/** What to do about an empty variable. */
const REMEDIES: Readonly<Record<string, string>> = {
  POD_NAME: fromDownwardApi('metadata.name'),
  POD_UID: fromDownwardApi('metadata.uid'),
  POD_NAMESPACE: fromDownwardApi('metadata.namespace'),
  KUBERNETES_SERVICE_HOST: BY_KUBERNETES,
  KUBERNETES_SERVICE_PORT: BY_KUBERNETES,
};

/** Whether this process runs in a Pod of a cluster (as client-go decides). */
export function isInCluster(environment: Environment): boolean {
  const host = variable(environment, 'KUBERNETES_SERVICE_HOST');
  if (host === undefined) return false;
  const port = variable(environment, 'KUBERNETES_SERVICE_PORT');
  if (port === undefined) {
    throw badArgument(
      'KUBERNETES_SERVICE_HOST is set, but KUBERNETES_SERVICE_PORT is not. Kubernetes sets both in a ' +
        'Pod: pass both on to this process. Outside a cluster, unset both.',
    );
  }
  if (!isHost(host)) {
    const expected = 'a host name or an IP address';
    throw invalidArgument('environment variable KUBERNETES_SERVICE_HOST', expected, host);
  }
  if (!isPort(port)) {
    const expected = 'a port, from 1 to 65535';
    throw invalidArgument('environment variable KUBERNETES_SERVICE_PORT', expected, port);
  }
  // A host like 256.1.1.1 may be a name, but no URL accepts it.
  if (!URL.canParse(inClusterServer(environment))) {
    const expected = 'a host name or an IP address';
    throw invalidArgument('environment variable KUBERNETES_SERVICE_HOST', expected, host);
  }
  return true;
}

export interface Sign {
  readonly says: string;
  /** What to do about it outside a cluster. */
  readonly remedy: string;
}

/**
 * The sign that this process runs in a Pod although the API server's address is missing, if any.
 */
export async function signOfPod(environment: Environment): Promise<Sign | undefined> {
  if (variable(environment, 'POD_UID') !== undefined) {
    return { says: 'POD_UID is set, so this is a Pod', remedy: 'unset POD_UID' };
  }
  const path = join(environment.root, SERVICE_ACCOUNT_PATH, 'token');
  // A link without a target is a sign, too, and so is a folder that this user may not enter.
  const code = await files()
    .lstat(path)
    .then(
      () => undefined,
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    );
  const remedy = 'remove that file';
  if (code === undefined) return { says: `${path} exists, so this is a Pod`, remedy };
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  const says = `This may be a Pod: this user cannot tell whether ${path} exists (${code})`;
  return { says, remedy };
}

/** URL of a Pod's API server. */
export function inClusterServer({ variables }: Environment): string {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = variables;
  return `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || isDnsSubdomain(text.toLowerCase().replace(/\.$/, ''));
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) < 2 ** 16;
}

/** Throws ERR_NO_SERVICE_ACCOUNT unless the Pod has its token and the API server's CA. */
export async function checkServiceAccount(environment: Environment): Promise<void> {
  for (const file of ['token', 'ca.crt']) {
    const path = join(environment.root, SERVICE_ACCOUNT_PATH, file);
    const content = await readSmall(path).catch((cause: unknown) => {
      throw noServiceAccount(path, 'cannot be read', cause);
    });
    if (content.trim() === '') throw noServiceAccount(path, 'is empty');
  }
}

const reading = new Map<string, Promise<string>>();

/** Reads at the same time are one: a process may start a thousand elections at once. */
export function readSmall(path: string): Promise<string> {
  const started = reading.get(path) ?? readNow(path).finally(() => reading.delete(path));
  reading.set(path, started);
  return started;
}

/** Neither waits for a pipe nor reads a device without end. */
async function readNow(path: string): Promise<string> {
  const stats = await files().stat(path);
  if (!stats.isFile()) throw new Error('it is no regular file');
  if (stats.size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`);
  return files().readFile(path, 'utf8');
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
  const content = await readSmall(path).catch(() => '');
  return content.trim() || undefined;
}
