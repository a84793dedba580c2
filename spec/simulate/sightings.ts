import type { Clock } from '../../lib/platform/clock.ts';
import type { ApiResponse, Transport } from '../../lib/kubernetes/transport.ts';
import type { Sent } from './fact.ts';
import { type LeaseRecord, recordOf } from './lease-record.ts';

/** Whether this takes, keeps or gives up the Lease. */
export function isWrite({ verb }: Sent): boolean {
  return verb === 'create' || verb === 'update';
}

/** When a process was first shown each record of the Lease, by its own clock. */
export class Sightings {
  readonly #clock: Clock;
  readonly #firstMs = new Map<string, number>();
  /** Of Leases that it was answered with, and of those that it was shown while they were held. */
  readonly #read = new Set<string>();
  readonly #held = new Set<string>();
  #isUnwatched = false;
  #heardMs = Number.NEGATIVE_INFINITY;
  #unwatchedSinceMs: number | undefined;
  #watches = 0;
  /** Of them, those that have shown something. */
  #shown = 0;
  #latest: { readonly key: string; readonly version: bigint } | undefined;
  #readsSinceOpen = 0;
  #isBlind = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#unwatchedSinceMs = clock.now();
  }

  /** It begins anew, and knows nothing. */
  forget(): void {
    this.#firstMs.clear();
    this.#read.clear();
    this.#held.clear();
    this.#isUnwatched = false;
    this.#latest = undefined;
    this.#isBlind = false;
  }

  /** Whether it was answered with this very Lease; what a watch tells may not have been heeded yet. */
  hasRead(uid: string): boolean {
    return this.#read.has(uid);
  }

  /** Whether it was shown a holder of this very Lease. */
  hasSeenHeld(uid: string): boolean {
    return this.#held.has(uid);
  }

  /** When its watch last opened, told something, or ended. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** Since when it has had no watch that has shown something; undefined while it has one. */
  get unwatchedSinceMs(): number | undefined {
    return this.#unwatchedSinceMs;
  }

  /** Whether it was told that it may not watch: it does not try again, but reads. */
  get isUnwatched(): boolean {
    return this.#isUnwatched;
  }

  /**
   * Whether it has read a change that its watch has kept from it. The first reads beside a watch say
   * nothing of it: it may not have been heeded yet that it is open.
   */
  get isBlind(): boolean {
    return this.#isBlind;
  }

  firstMs(record: LeaseRecord): number | undefined {
    return this.#firstMs.get(record.key);
  }

  answered(sent: Sent, status: number, body: unknown): void {
    if (sent.verb === 'watch' && status === 403) this.#isUnwatched = true;
    if (sent.verb === 'watch' || sent.verb === 'list') return;
    if (status >= 300) return;
    const { uid } = recordOf(body);
    if (uid !== undefined) this.#read.add(uid);
    const last = this.#latest;
    this.#see(body);
    if (sent.verb !== 'get') return;
    const isNews = last !== undefined && this.#latest !== last && this.#latest?.key !== last.key;
    this.#isBlind ||= isNews && this.#watches > 0 && this.#readsSinceOpen >= 2;
    this.#readsSinceOpen += 1;
  }

  /** The transport, with a look at what its watches show. */
  overhear(transport: Transport): Transport {
    return {
      send: async (request, signal) => {
        const response = await transport.send(request, signal);
        const isWatch = request.query?.['watch'] === 'true' && request.path.endsWith('/leases');
        if (!isWatch) return response;
        if (response.status !== 200) return response;
        this.#watches += 1;
        this.#readsSinceOpen = 0;
        this.#hear();
        return { ...response, body: this.#listen(response) };
      },
      close: () => transport.close(),
    };
  }

  async *#listen({ body }: ApiResponse): AsyncGenerator<string, void> {
    let rest = '';
    let hasShown = false;
    try {
      for await (const piece of body) {
        if (!hasShown) this.#shown += 1;
        hasShown = true;
        this.#hear();
        const lines = (rest + piece).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines.filter((text) => text !== '')) {
          const { type, object } = JSON.parse(line) as { type: string; object: unknown };
          if (type !== 'BOOKMARK' && type !== 'ERROR') this.#see(object);
        }
        yield piece;
      }
    } finally {
      this.#watches -= 1;
      if (hasShown) this.#shown -= 1;
      this.#hear();
    }
  }

  #hear(): void {
    const nowMs = this.#clock.now();
    this.#heardMs = nowMs;
    this.#isBlind = false;
    if (this.#shown > 0) this.#unwatchedSinceMs = undefined;
    else this.#unwatchedSinceMs ??= nowMs;
  }

  #see(lease: unknown): void {
    const { key, uid, version: text = '0', holderIdentity } = recordOf(lease);
    if (uid === undefined) return;
    if (holderIdentity !== '') this.#held.add(uid);
    if (!this.#firstMs.has(key)) this.#firstMs.set(key, this.#clock.now());
    const version = BigInt(text);
    if (version > (this.#latest?.version ?? -1n)) this.#latest = { key, version };
  }
}
