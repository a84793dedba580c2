import type { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent, RequestOptions } from 'node:https';

import type { KubeConfig } from '@kubernetes/client-node';

import { LeaderElectionError } from '../errors.ts';
import type { KubeConfigLike } from './kube-config.ts';
import { stripError } from './outcome.ts';

/** The same limit as for a connection without a proxy. */
const TUNNEL_TIMEOUT_MS = 10_000;

/** The part of the TLS options that a KubeConfig decides. */
export type TlsOptions = Pick<
  RequestOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'rejectUnauthorized' | 'servername'
>;

/** Address of the API server, and current credentials for it. */
export interface Access {
  readonly server: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  /** Set if a proxy is used. */
  readonly proxyAgent?: HttpAgent | undefined;
}

/** Gives access, again for each request: tokens rotate, and plugins renew certificates. */
export interface Credentials {
  /** The present access, if it is known without a wait. */
  fresh?(): Access | undefined;
  /** When the signal aborts, the plugins that it runs are ended. */
  access(signal?: AbortSignal): Promise<Access>;
  /** The API server refused this access: get the next one from its source, not from a cache. */
  refresh(refused: Access): Promise<void>;
}

/**
 * The credentials of a KubeConfig that the user made. Throws ERR_KUBECONFIG if it names no usable
 * server.
 */
export function userCredentials(kubeConfig: KubeConfigLike): Credentials {
  let current: () => KubeConfigLike = () => kubeConfig;
  /** Which KubeConfig gave an access: a late refusal says nothing about the next one. */
  const sources = new WeakMap<Access, () => KubeConfigLike>();
  return {
    access: async (signal) => {
      const source = current;
      const access = await endingPlugins(() => accessOf(source()), signal);
      sources.set(access, source);
      return access;
    },
    refresh: (refused) => {
      if (sources.get(refused) === current) current = withoutCache(kubeConfig);
      return Promise.resolve();
    },
  };
}

/**
 * The same KubeConfig with empty caches. Client-node keeps what a plugin gave until the expiry that
 * the plugin stated, or for ever, and a token file for 60 s of wall-clock time. The caches belong
 * to the object, so a new one of the same class has none.
 */
function withoutCache(kubeConfig: KubeConfigLike): () => KubeConfigLike {
  // KubeConfigLike may be less than client-node's class: then its own code has to refresh it.
  const { getCurrentUser, loadFromOptions } = kubeConfig as unknown as Partial<KubeConfig>;
  if (!getCurrentUser || !loadFromOptions) return () => kubeConfig;
  const original = kubeConfig as unknown as KubeConfig;
  // Client-node does not cache others, such as those of custom authenticators.
  if (!isCached(original.getCurrentUser())) return () => kubeConfig;
  const fresh = new (original.constructor as new () => KubeConfig)();
  return () => {
    // Again each time: the user may have chosen another context, or loaded another file.
    fresh.loadFromOptions({
      clusters: original.getClusters(),
      contexts: original.getContexts(),
      users: original.getUsers(),
      currentContext: original.getCurrentContext(),
    });
    return fresh;
  };
}

function isCached(user: ReturnType<KubeConfig['getCurrentUser']>): boolean {
  const exec: unknown = user?.exec;
  const provider = user?.authProvider as {
    name?: unknown;
    config?: Record<string, unknown>;
  } | null;
  const { exec: nested, tokenFile } = provider?.config ?? {};
  return [exec, nested, tokenFile].some(Boolean) || provider?.name === 'exec';
}

/** Does something that may run plugins, and ends those that still run when the signal aborts. */
async function endingPlugins<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const plugins = new Set<ChildProcess>();
  // Client-node does not expose a plugin's process, but Node.js publishes each process that starts.
  const onProcess = (message: unknown) => {
    const { process: plugin } = message as { readonly process?: ChildProcess };
    if (plugin && running?.getStore() === plugins) plugins.add(plugin);
  };
  const onAbort = () => {
    for (const plugin of plugins) end(plugin);
  };
  const { subscribe, unsubscribe } = process.getBuiltinModule('node:diagnostics_channel');
  running ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)();
  subscribe('child_process', onProcess);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await running.run(plugins, task);
  } finally {
    unsubscribe('child_process', onProcess);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The caller of the plugins that start within an asynchronous call. */
let running: AsyncLocalStorage<Set<ChildProcess>> | undefined;

/** What the plugin itself has started may go on, but holds neither the pipes nor this process. */
function end(plugin: ChildProcess): void {
  plugin.kill('SIGKILL');
  plugin.stdout?.destroy();
  plugin.stderr?.destroy();
  plugin.unref();
}

type Cluster = NonNullable<ReturnType<KubeConfigLike['getCurrentCluster']>>;

/** Throws ERR_KUBECONFIG unless the KubeConfig names a usable server. */
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
    if (isDefault(kubeConfig, cluster)) throw noKubeConfigFound();
    throw new LeaderElectionError(
      'ERR_KUBECONFIG',
      `The kubeConfig's server ${String(shown(cluster.server))} is not encrypted. If that is meant, set ` +
        'skipTLSVerify (insecure-skip-tls-verify) on the cluster, as client-node demands.',
    );
  }
  return server;
}

/** What client-node's loadFromDefault() returns if it finds nothing. */
function isDefault(kubeConfig: KubeConfigLike, { name, server }: Cluster): boolean {
  const context = kubeConfig.getCurrentContext();
  return context === 'loaded-context' && name === 'cluster' && server === 'http://localhost:8080';
}

function noKubeConfigFound(): LeaderElectionError {
  return new LeaderElectionError(
    'ERR_KUBECONFIG',
    "No kubeconfig was found, so the kubeConfig has client-node's default server, " +
      'http://localhost:8080. loadFromDefault() looks for the files that KUBECONFIG names, for ' +
      "~/.kube/config and for a Pod's service account. Set KUBECONFIG, or name the file with " +
      'loadFromFile().',
  );
}

/** A kubeConfig's values may have any type, whatever is declared. */
function urlOf(server: unknown): URL | undefined {
  return typeof server === 'string' && URL.canParse(server) ? new URL(server) : undefined;
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : `(${typeof value})`;
}

/** Without possible secrets: a user's name and password, a query. */
function shown(server: unknown): unknown {
  if (typeof server !== 'string') return server;
  return server.replace(/[?#].*$/s, '').replace(/^.*@/s, '***@');
}

/**
 * A plugin's output, its arguments, and output that is not JSON may be secret, and are part of the
 * errors. Only what the system says about a file or a program is passed on.
 */
function noCredentials(error: unknown): Error {
  const { code, message } = stripError(error);
  const isSystems = code !== undefined && !code.startsWith('ERR_');
  const why = isSystems ? message : 'the kubeConfig or its plugin fails; kubectl tells why';
  return stripError({ message: `there are no credentials: ${why}`, code });
}

async function accessOf(kubeConfig: KubeConfigLike): Promise<Access> {
  const server = checkKubeConfig(kubeConfig);
  const { proxyUrl } = kubeConfig.getCurrentCluster() ?? {};
  // Without it, client-node's agent waits for a tunnel for ever. A SOCKS agent has a limit of its own, and
  // would end idle connections by this one.
  const limit = proxyUrl?.startsWith('http') ? { timeout: TUNNEL_TIMEOUT_MS } : {};
  const options: RequestOptions = { ...limit };
  await kubeConfig.applyToHTTPSOptions(options).catch((error: unknown) => {
    throw noCredentials(error);
  });
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // Trimmed, because a token's file may end with a newline.
    if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
  }
  if (typeof options.auth === 'string') {
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const given = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  const tls = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const { agent } = options;
  const proxyAgent =
    proxyUrl && typeof agent === 'object' ? (agent as HttpAgent & Partial<HttpsAgent>) : undefined;
  // Client-node keeps the agent of a proxy as it was made, also by the app itself.
  if (proxyAgent?.options) Object.assign(proxyAgent.options, tls, limit);
  return {
    server,
    headers,
    tls,
    ...(proxyAgent && { proxyAgent }),
  };
}
