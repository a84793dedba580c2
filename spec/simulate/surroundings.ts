import type { Surroundings } from '../../lib/surroundings.ts';
import { Releases } from '../../lib/release.ts';
import type { ApiRequest, Transport } from '../../lib/kubernetes/transport.ts';
import { type ClockOptions, ProcessClock } from '../lease/process-clock.ts';
import type { Sent } from './fact.ts';
import { Line } from './line.ts';
import type { Luck } from './luck.ts';
import type { World } from './world.ts';

/** A process's clock, with luck of its own: what it draws shifts nobody else's. */
class OwnClock extends ProcessClock {
  readonly #luck: Luck;

  constructor(world: World, luck: Luck, options: ClockOptions) {
    super(world.clock, options);
    this.#luck = luck;
  }

  override random(): number {
    return this.#luck.number();
  }

  override uuid(): string {
    const digits = Array.from({ length: 32 }, () => this.#luck.integer(0, 15).toString(16));
    digits[12] = '4';
    digits[16] = this.#luck.pick(['8', '9', 'a', 'b']);
    const text = digits.join('');
    return [0, 8, 12, 16, 20].map((at, i, all) => text.slice(at, all[i + 1])).join('-');
  }
}

/** Who is told of a process's requests and warnings, as they happen. */
export interface Told {
  sent(sent: Sent): void;
  answered(sent: Sent, status: number, body: unknown): void;
  unanswered(sent: Sent, error: unknown): void;
  warned(message: string, code: string): void;
}

/** What surrounds one process in a world: its clocks, its luck, its line and its token. */
export class ProcessSurroundings implements Surroundings {
  readonly clock: ProcessClock;
  readonly environment = { variables: {}, root: '/nonexistent' };
  readonly releases = new Releases();
  readonly line: Line;
  readonly #world: World;
  readonly #user: string;
  readonly #told: Told;
  /** As last read from its file. */
  token: string;

  constructor(world: World, user: string, luck: Luck, clock: ClockOptions, told: Told) {
    this.#world = world;
    this.#user = user;
    this.#told = told;
    this.token = world.cluster.token(user);
    this.clock = new OwnClock(world, luck.fork('clock'), clock);
    this.line = new Line(world.clock, luck.fork('line'), world.schedule.setting.latencyMs, {
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
    });
  }

  readonly warn = (message: string, code: string): void => {
    this.#told.warned(message, code);
  };

  connect(): Promise<Transport> {
    const options = { user: this.#user, token: () => this.token };
    return Promise.resolve(this.line.carry(this.#world.cluster.transport(options)));
  }

  /** The process ends at once. */
  kill(): void {
    this.clock.stop();
    this.line.kill();
  }
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

function describe(world: World, request: ApiRequest): Sent {
  const { method, path, query = {}, body } = request;
  const parts = path.split('/').slice(path.startsWith('/apis/') ? 4 : 3);
  const [resource = '', name = ''] = parts[0] === 'namespaces' ? parts.slice(2) : parts;
  const selected = /^metadata\.name=(.*)$/.exec(query['fieldSelector'] ?? '')?.[1];
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
