import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import type { Certificate } from '../../cluster/certificate.ts';
import type {
  ClientCertificate,
  ConnectionFault,
  Counts,
  Fault,
  FaultProxyOptions,
  Line,
} from '../fault.ts';
import type { Platform } from './exchange.ts';
import { Connection, onDeserted } from './connection.ts';
import { Gateway } from './gateway.ts';
import { RequestFaults } from './request-faults.ts';
import { Sockets, reset, dial } from './sockets.ts';
import { Gate, Weather, lasting } from './weather.ts';

export class ProxyLine implements Line {
  readonly name: string;
  readonly ca: string;
  readonly counts: Counts;
  readonly #upstream: URL;
  readonly #gateway: Gateway;
  readonly #platform: Platform;
  readonly #server = net.createServer({ allowHalfOpen: true, noDelay: true });
  readonly #weathers = { to: new Weather(), from: new Weather() };
  readonly #sockets = new Sockets();
  readonly #connections = new Set<Connection>();
  #halfOpen = 0;
  #dropping = 0;

  private constructor(
    names: Pick<Line, 'name' | 'ca'>,
    upstream: URL,
    gateway: Gateway,
    platform: Platform,
  ) {
    this.name = names.name;
    this.ca = names.ca;
    this.counts = platform.counts;
    this.#upstream = upstream;
    this.#gateway = gateway;
    this.#platform = platform;
    this.#server.on('connection', (socket) => {
      this.#accept(socket).catch(() => reset(socket));
    });
  }

  static async open(
    name: string,
    identity: Certificate,
    options: FaultProxyOptions,
    certificate: ClientCertificate | undefined,
  ): Promise<ProxyLine> {
    const platform: Platform = {
      faults: new RequestFaults(options.random ?? Math.random),
      watches: new Gate(),
      counts: {
        connections: 0,
        open: 0,
        requests: 0,
        forwarded: 0,
        aborted: 0,
        struck: newStruck(),
      },
    };
    const gateway = await Gateway.open(identity, options, certificate, platform);
    const names = { name, ca: identity.certificate };
    const line = new ProxyLine(names, new URL(options.upstream.server), gateway, platform);
    line.#server.listen(0, '127.0.0.1');
    await once(line.#server, 'listening');
    return line;
  }

  get server(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  strike(fault: Fault): Disposable {
    switch (fault.kind) {
      case 'freeze-watches':
        this.counts.struck[fault.kind] += 1;
        return this.#platform.watches.shut();
      case 'latency':
      case 'reset':
      case 'half-open':
      case 'blackhole':
      case 'drop-on-accept':
        return this.#strikeConnections(fault);
      default:
        return this.#platform.faults.add(fault);
    }
  }

  async close(): Promise<void> {
    this.#server.close();
    await Promise.all([once(this.#server, 'close'), this.#sockets.close()]);
    await this.#gateway.close();
  }

  #strikeConnections(fault: ConnectionFault): Disposable {
    if (fault.kind !== 'drop-on-accept') this.counts.struck[fault.kind] += this.#connections.size;
    switch (fault.kind) {
      case 'latency': {
        const { to, from } = this.#weathers;
        const struck = fault.direction ? [this.#weathers[fault.direction]] : [to, from];
        const ends = struck.map((weather) => weather.slow(fault.ms));
        return lasting(() => {
          for (const end of ends) end[Symbol.dispose]();
        });
      }
      case 'blackhole':
        return this.#weathers[fault.direction].gate.shut();
      case 'reset':
        for (const connection of this.#connections) connection.reset();
        return lasting(() => undefined);
      case 'half-open':
        return this.#forget();
      case 'drop-on-accept':
        this.#dropping += 1;
        return lasting(() => (this.#dropping -= 1));
    }
  }

  #forget(): Disposable {
    const forgotten = [...this.#connections];
    for (const connection of forgotten) connection.forget();
    this.#halfOpen += 1;
    return lasting(() => {
      this.#halfOpen -= 1;
      for (const connection of forgotten) connection.bury();
    });
  }

  async #accept(client: Socket): Promise<void> {
    this.#sockets.keep(client);
    this.counts.connections += 1;
    this.counts.open += 1;
    client.once('close', () => (this.counts.open -= 1));
    if (this.#dropping > 0) {
      this.counts.struck['drop-on-accept'] += 1;
      reset(client);
    } else if (this.#halfOpen > 0) {
      this.counts.struck['half-open'] += 1;
      client.resume();
      onDeserted(client, () => client.destroy());
    } else {
      await this.#connect(client);
    }
  }

  async #connect(client: Socket): Promise<void> {
    const upstream = this.#sockets.keep(await dial(this.#upstream));
    const onward = this.#sockets.keep(await this.#gateway.connect(upstream));
    if (client.destroyed) return void onward.destroy();
    const connection = new Connection(client, onward, this.#weathers);
    this.#connections.add(connection);
    await connection.closed;
    this.#connections.delete(connection);
  }
}

function newStruck(): Counts['struck'] {
  return {
    ...{ latency: 0, reset: 0, 'half-open': 0, blackhole: 0, 'drop-on-accept': 0 },
    ...{ 'delay-request': 0, 'delay-answer': 0, refuse: 0, 'fail-after-effect': 0 },
    ...{ 'reset-connection': 0, truncate: 0, 'freeze-watches': 0 },
  };
}
