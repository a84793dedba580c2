import type { Platform } from '../../lib/platform/platform.ts';
import type { Elections } from '../../lib/platform/elections.ts';
import type { PredecessorMap } from '../../lib/platform/shared.ts';
import type { UnconfirmedEnds } from '../../lib/platform/unconfirmed.ts';
import type { ApiRequest, Transport } from '../../lib/kubernetes/transport.ts';
import type { ProcessClock } from '../lease/process-clock.ts';
import type { Candidate } from './candidate.ts';
import type { Sent } from './fact.ts';
import type { LineListener, WatchUnderWay } from './line.ts';
import { admitted } from './webhook.ts';
import type { World } from './world.ts';

/** What surrounds one candidate; several candidates of a process share all but the telling. */
export class CandidateSurroundings implements Platform {
  readonly clock: ProcessClock;
  readonly environment: {
    readonly variables: Readonly<Record<string, string>>;
    readonly root: string;
  };
  readonly elections: Elections;
  readonly unconfirmed: UnconfirmedEnds;
  readonly predecessors: PredecessorMap;
  readonly #world: World;
  readonly #who: Candidate;
  readonly #listener: LineListener;

  constructor(world: World, who: Candidate) {
    this.#world = world;
    this.#who = who;
    const { clock, elections, unconfirmed, predecessors } = who.process;
    this.environment = { variables: who.process.variables, root: '/nonexistent' };
    this.clock = clock;
    this.elections = elections;
    this.unconfirmed = unconfirmed;
    this.predecessors = predecessors;
    this.#listener = {
      sent: (request) => {
        const sent = describe(world, request);
        world.tellAll({ type: 'sent', who, sent });
        return sent;
      },
      answered: (sent, status, body) => {
        who.noteAnswer?.(sent, status, body);
        world.tellAll({ type: 'answered', who, sent, status, body });
      },
      unanswered: (sent, error) => {
        const why = error instanceof Error ? error.message : String(error);
        world.tellAll({ type: 'unanswered', who, sent, why });
      },
      shown: (sent, line) => world.tellAll({ type: 'shown', who, sent, line }),
    };
  }

  readonly warn = (message: string, code: string): void => {
    // An answer may still come to code that has died.
    if (!this.#who.isAlive) return;
    this.#who.noteWarning?.(code);
    this.#world.tellAll({ type: 'warned', who: this.#who, message, code });
  };

  /** How many of its requests and watches are under way. */
  get requests(): number {
    return this.#who.process.line.underWay(this.#listener).length;
  }

  /** Its watches that somebody still listens to. */
  get watches(): readonly WatchUnderWay[] {
    const underWay = this.#who.process.line.underWay(this.#listener);
    return underWay.filter(({ sent }) => sent.verb === 'watch');
  }

  connect(): Promise<Transport> {
    const { process } = this.#who;
    const options = { user: process.podName, token: () => process.token };
    const transport = this.#world.cluster.transport(options);
    const send: Transport['send'] = (request, signal) =>
      transport.send(admitted(this.#world.webhook, request), signal);
    const close = () => transport.close();
    return Promise.resolve(process.line.carry({ send, close }, this.#listener));
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
