import type { Platform } from '../../lib/platform/platform.ts';
import type { Elections } from '../../lib/platform/elections.ts';
import type { PredecessorMap } from '../../lib/platform/shared.ts';
import type { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import type { ApiRequest, Transport } from '../../lib/kubernetes/transport.ts';
import type { ProcessClock } from '../lease/process-clock.ts';
import type { Sent } from './fact.ts';
import type { LineListener, WatchUnderWay } from './line.ts';
import type { Process } from './process.ts';
import { admitted } from './webhook.ts';
import type { World } from './world.ts';

/** Who is told of a process's requests and warnings, as they happen. */
export interface Told {
  sent(sent: Sent): void;
  answered(sent: Sent, status: number, body: unknown): void;
  unanswered(sent: Sent, error: unknown): void;
  warned(message: string, code: string): void;
}

/** What surrounds one candidate in its process; several candidates of a process share all but the telling. */
export class CandidateSurroundings implements Platform {
  readonly clock: ProcessClock;
  readonly environment = { variables: {}, root: '/nonexistent' };
  readonly elections: Elections;
  readonly unconfirmed: UnconfirmedEnds;
  readonly predecessors: PredecessorMap;
  readonly #world: World;
  readonly #process: Process;
  readonly #told: Told;
  readonly #listener: LineListener;

  constructor(world: World, process: Process, told: Told) {
    this.#world = world;
    this.#process = process;
    this.#told = told;
    this.clock = process.clock;
    this.elections = process.elections;
    this.unconfirmed = process.unconfirmed;
    this.predecessors = process.predecessors;
    this.#listener = {
      sent: (request) => {
        const sent = describe(world, request);
        told.sent(sent);
        return sent;
      },
      answered: (sent, status, body) => {
        told.answered(sent, status, body);
      },
      unanswered: (sent, error) => {
        told.unanswered(sent, error);
      },
    };
  }

  readonly warn = (message: string, code: string): void => {
    // An answer may still come to code that has died.
    if (this.#process.isAlive) this.#told.warned(message, code);
  };

  /** How many of its requests and watches are under way. */
  get requests(): number {
    return this.#process.line.underWay(this.#listener);
  }

  /** Its watches that are under way. */
  get watches(): readonly WatchUnderWay[] {
    return this.#process.line.watchesOf(this.#listener);
  }

  connect(): Promise<Transport> {
    const options = { user: this.#process.podName, token: () => this.#process.token };
    const transport = this.#world.cluster.transport(options);
    const send: Transport['send'] = (request, signal) =>
      transport.send(admitted(this.#world.webhook, request), signal);
    const close = () => {
      transport.close();
    };
    return Promise.resolve(this.#process.line.carry({ send, close }, this.#listener));
  }
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

interface Target {
  readonly resource: string;
  readonly name: string;
}

/** There are few paths, and they come again and again. */
const targets = new Map<string, Target>();

function targetOf(path: string): Target {
  let target = targets.get(path);
  if (!target) {
    const parts = path.split('/').slice(path.startsWith('/apis/') ? 4 : 3);
    const [resource = '', name = ''] = parts[0] === 'namespaces' ? parts.slice(2) : parts;
    targets.set(path, (target = { resource, name }));
  }
  return target;
}

const SELECTED = 'metadata.name=';

function describe(world: World, request: ApiRequest): Sent {
  const { method, path, query = {}, body } = request;
  const { resource, name } = targetOf(path);
  const selector = query['fieldSelector'];
  const selected = selector?.startsWith(SELECTED) ? selector.slice(SELECTED.length) : undefined;
  const created = (body as { metadata?: { name?: string } } | undefined)?.metadata?.name;
  const read = query['watch'] === 'true' ? 'watch' : name === '' ? 'list' : 'get';
  return {
    number: world.nextNumber(),
    atMs: world.clock.now(),
    request,
    verb: VERBS[method] ?? read,
    resource,
    name: [name, selected, created].find((found) => found !== undefined && found !== '') ?? '',
  };
}

/** Passes for a KubeConfig; the world's transport needs none. */
export const kubeConfig = {
  getCurrentCluster: () => ({
    name: 'simulation',
    server: 'http://simulation.invalid',
    skipTLSVerify: true,
  }),
  getCurrentContext: () => 'simulation',
  getContextObject: () => null,
  applyToHTTPSOptions: () => Promise.resolve(),
};
