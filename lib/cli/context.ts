import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import type { ElectionEvent, EventLevel, KubeConfigLike } from '../index.ts';
import { type EventWriter, type LogFormat, eventWriter } from './log.ts';
import { type Options, UsageError, type Variables } from './option.ts';

/** The options of every command that has to do with a cluster. */
export const CONTEXT_OPTIONS = {
  namespace: {
    type: 'text',
    short: 'n',
    placeholder: 'NAMESPACE',
    help: "Namespace; by default the Pod's, or the kubeconfig context's",
  },
  kubeconfig: {
    type: 'text',
    placeholder: 'FILE',
    help: 'Kubeconfig to use, also in a Pod; outside a Pod $KUBECONFIG or ~/.kube/config',
  },
  context: { type: 'text', placeholder: 'NAME', help: 'Context of the kubeconfig' },
  'log-format': {
    type: 'text',
    placeholder: 'FORMAT',
    choices: ['text', 'json'],
    default: 'text',
    help: 'Format of the log on stderr: text or json',
  },
} as const satisfies Options;

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** Where a command acts, as the options of the library's functions take it. */
export interface Place {
  readonly namespace?: string;
  readonly kubeConfig?: KubeConfigLike;
}

/** What every command gets from outside: the cluster, its output, the environment. */
export interface Context {
  readonly variables: Variables;
  readonly logFormat: LogFormat;
  /** Writes to standard output. */
  readonly print: (text: string) => void;
  /** Standard output, if it is a terminal. */
  readonly terminal: NodeJS.WriteStream | undefined;
  /** Writes a line for people to stderr. */
  readonly say: (message: string, level?: EventLevel) => void;
  /** Writes an event of an election to stderr, in the format of `--log-format`. */
  readonly onEvent: (event: ElectionEvent) => void;
  /**
   * The cluster: in a Pod by its service account, elsewhere by a kubeconfig, which a line on stderr
   * names. Never neither: then the library would lead without an election.
   */
  readonly place: () => Promise<Place>;
  /** The namespace by itself, for commands that send no request. */
  readonly namespace: () => Promise<string>;
}

/** Where output goes. */
export interface Output {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Standard output, if it is a terminal. */
  readonly terminal?: NodeJS.WriteStream | undefined;
}

interface Given {
  readonly namespace?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly 'log-format'?: string | undefined;
}

/** The context of a command with these values of `CONTEXT_OPTIONS`. */
export function contextOf(given: Given, variables: Variables, output: Output): Context {
  const logFormat = given['log-format'] === 'json' ? 'json' : 'text';
  const writer: EventWriter = eventWriter(logFormat, output.stderr);
  return {
    variables,
    logFormat,
    print: output.stdout,
    terminal: output.terminal,
    say: writer.say,
    onEvent: writer.onEvent,
    place: () => placeOf(given, variables, writer.say),
    namespace: () => namespaceOf(given, variables, writer.say),
  };
}

async function namespaceOf(
  given: Given,
  variables: Variables,
  say: (message: string) => void,
): Promise<string> {
  const known = given.namespace ?? variables['POD_NAMESPACE'];
  if (known !== undefined) return known;
  const { namespace } = await placeOf(given, variables, say);
  return namespace ?? (await readFile(NAMESPACE_FILE, 'utf8')).trim();
}

async function placeOf(
  given: Given,
  variables: Variables,
  say: (message: string) => void,
): Promise<Place> {
  const { namespace, kubeconfig, context } = given;
  const isChosen = kubeconfig !== undefined || context !== undefined;
  const inPod = variables['KUBERNETES_SERVICE_HOST'] !== undefined;
  if (inPod && !isChosen) return namespace === undefined ? {} : { namespace };

  const kubeConfig = await load(kubeconfig, context);
  // Without the address of the API server, the library says what a Pod lacks.
  if (kubeConfig.getCurrentContext() === 'inClusterContext' && !inPod) return {};
  const ofContext = kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace;
  const chosen = namespace ?? variables['POD_NAMESPACE'] ?? ofContext ?? 'default';
  const file = kubeconfig ?? variables['KUBECONFIG'] ?? '~/.kube/config';
  say(`using context ${kubeConfig.getCurrentContext()} of ${file}, namespace ${chosen}`);
  return { namespace: chosen, kubeConfig };
}

/** Client-node is loaded only here: it takes a third of a second and 60 MB. */
async function load(file: string | undefined, context: string | undefined) {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const kubeConfig = new KubeConfig();
  try {
    if (file === undefined) kubeConfig.loadFromDefault();
    else kubeConfig.loadFromFile(file.replace(/^~(?=\/)/, homedir()));
  } catch (error) {
    const what = file ?? 'The kubeconfig';
    throw new UsageError(`${what} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (kubeConfig.getCurrentContext() === 'loaded-context') {
    throw new UsageError(
      'This is no Pod, and no kubeconfig was found. Name one with --kubeconfig or KUBECONFIG.',
    );
  }
  if (context !== undefined) {
    if (!kubeConfig.getContextObject(context)) {
      const names = kubeConfig.getContexts().map(({ name }) => name);
      throw new UsageError(`The kubeconfig has no context ${context}. It has ${names.join(', ')}.`);
    }
    kubeConfig.setCurrentContext(context);
  }
  return kubeConfig;
}
