import type { Agent as HttpAgent } from 'node:http';
import type { RequestOptions } from 'node:https';

import { LeaderElectionError } from '../errors.ts';
import type { Environment } from './environment.ts';
import type { KubeConfigLike } from './kube-config.ts';
import { bare } from './outcome.ts';

/** The part of the TLS options that a KubeConfig decides. */
export type TlsOptions = Pick<
  RequestOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'
>;

/** Where the API server is and how to show who we are, as of now. */
export interface Access {
  readonly server: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  /** Set where the way leads through a proxy. */
  readonly proxyAgent?: HttpAgent | undefined;
}

/** Gives access, anew for each request: tokens rotate, and plugins renew certificates. */
export interface Credentials {
  access(): Promise<Access>;
  /** The API server did not know the token: read it again rather than from a cache. */
  refresh(): Promise<void>;
}

/** Those of a KubeConfig that the user made. Throws ERR_KUBECONFIG if it leads nowhere. */
export function userCredentials(kubeConfig: KubeConfigLike): Credentials {
  return {
    access: () => accessOf(kubeConfig),
    // It is the user's: whoever made it refreshes it.
    refresh: () => Promise.resolve(),
  };
}

/** Those of the Pod's service account. Loads `@kubernetes/client-node`. */
export async function serviceAccountCredentials(environment: Environment): Promise<Credentials> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  // A new KubeConfig has a new cache: client-node keeps a token for 60 s of wall-clock time.
  const load = () => {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromCluster(environment.root === '/' ? '' : environment.root);
    checkKubeConfig(kubeConfig);
    return kubeConfig;
  };
  let current = load();
  return {
    access: () => accessOf(current),
    refresh: () => {
      current = load();
      return Promise.resolve();
    },
  };
}

/** Throws ERR_KUBECONFIG unless the KubeConfig names a server that can be talked to. */
export function checkKubeConfig(kubeConfig: KubeConfigLike): URL {
  const cluster = kubeConfig.getCurrentCluster();
  if (!cluster) {
    const context = kubeConfig.getCurrentContext();
    throw new LeaderElectionError(
      'ERR_KUBECONFIG',
      `The kubeConfig's current context ${quoted(context)} names no cluster. Load one ` +
        'with loadFromDefault(), or choose a context with setCurrentContext().',
    );
  }
  const server = urlOf(cluster.server);
  if (server?.protocol !== 'https:' && server?.protocol !== 'http:') {
    throw new LeaderElectionError(
      'ERR_KUBECONFIG',
      `The kubeConfig's cluster ${quoted(cluster.name)} has the server ` +
        `${quoted(shown(cluster.server))}, which is no http or https URL.`,
    );
  }
  if (server.protocol === 'http:' && !cluster.skipTLSVerify) {
    throw new LeaderElectionError(
      'ERR_KUBECONFIG',
      `The kubeConfig's server ${String(shown(cluster.server))} is not encrypted. If that is meant, set ` +
        'skipTLSVerify (insecure-skip-tls-verify) on the cluster, as client-node demands.',
    );
  }
  return server;
}

/** What a kubeConfig says may be of any type, whatever is declared. */
function urlOf(server: unknown): URL | undefined {
  return typeof server === 'string' && URL.canParse(server) ? new URL(server) : undefined;
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : `(${typeof value})`;
}

/** Without what may be secret: a user's name and password, a query. */
function shown(server: unknown): unknown {
  if (typeof server !== 'string') return server;
  return server.replace(/[?#].*$/s, '').replace(/^.*@/s, '***@');
}

/**
 * What a plugin writes, the arguments that it is given and what it says that is no JSON may be secret,
 * and are in the errors. Only what the system says of a file or a program is passed on.
 */
function noCredentials(error: unknown): Error {
  const { code, message } = bare(error);
  const isSystems = code !== undefined && !code.startsWith('ERR_');
  const why = isSystems ? message : 'the kubeConfig or its plugin fails; kubectl tells why';
  return bare({ message: `there are no credentials: ${why}`, code });
}

async function accessOf(kubeConfig: KubeConfigLike): Promise<Access> {
  const server = checkKubeConfig(kubeConfig);
  const options: RequestOptions = {};
  await kubeConfig.applyToHTTPSOptions(options).catch((error: unknown) => {
    throw noCredentials(error);
  });
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // Trimmed, for a token's file may end with a newline.
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  const { agent } = options;
  const proxied = kubeConfig.getCurrentCluster()?.proxyUrl && typeof agent === 'object';
  return {
    server,
    headers,
    tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
    ...(proxied && { proxyAgent: agent }),
  };
}
