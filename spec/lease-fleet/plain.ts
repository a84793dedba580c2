import type { Exchange } from './recording-proxy.ts';

/** An exchange without what differs each time; what stays has its order. */
export interface PlainExchange {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly request: unknown;
  readonly status: number;
  readonly answer: unknown;
}

type Json = Record<string, unknown>;

/**
 * Names times and UIDs by the order in which they first appear: equal ones stay equal, and what is
 * written otherwise than a Kubernetes `MicroTime` is no time. Versions likewise, but in each exchange
 * anew, for nobody keeps count of the renewals. All else stays as it is, but for who manages which
 * field.
 */
class Plainer {
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  #exchanges = 0;

  exchange({ method, path, contentType, body, status, answer }: Exchange): PlainExchange {
    this.#exchanges += 1;
    const [plainPath = ''] = path.split('?');
    return {
      method,
      path: plainPath.replace(/(?<=\/namespaces\/)[^/]+/, 'NAMESPACE'),
      contentType,
      request: this.#parse(body),
      status,
      answer: this.#parse(answer),
    };
  }

  #parse(text: string): unknown {
    const value: unknown = JSON.parse(text);
    // So that what is compared are the very bytes.
    if (JSON.stringify(value) !== text.trimEnd()) throw new Error(`not as JSON.stringify: ${text}`);
    return this.#plain('', value);
  }

  #plain(key: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#plain('', item));
    if (typeof value === 'string') return this.#text(key, value);
    if (typeof value !== 'object' || value === null) return value;
    const { managedFields: _, ...kept } = value as Json;
    const entries = Object.entries(kept).map(([name, entry]) => [name, this.#plain(name, entry)]);
    return Object.fromEntries(entries) as Json;
  }

  #text(key: string, value: string): string {
    if (key === 'namespace') return 'NAMESPACE';
    if (key === 'uid') return this.#named('uid', value);
    if (key === 'resourceVersion') return this.#named(`version ${this.#exchanges}`, value);
    if (MICRO_TIME.test(value)) return this.#named('MicroTime', value);
    // Of the second, so two of them may be the same or not.
    if (TIME.test(value)) return 'Time';
    // Events are called after the time, in nanoseconds.
    if (key === 'name') return value.replace(/\.[0-9a-f]{16}$/, '.NANOSECONDS');
    return value;
  }

  #named(what: string, value: string): string {
    const key = `${what} ${value}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    const name = `${what} ${count}`;
    this.#names.set(key, name);
    return name;
  }
}

const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** All stages of one play, with the same names for the same things. */
export function plainStages(stages: Readonly<Record<string, Exchange>>) {
  const plainer = new Plainer();
  return mapped(stages, (exchange) => plainer.exchange(exchange));
}

export function mapped<T, R>(
  stages: Readonly<Record<string, T>>,
  map: (stage: T) => R,
): Record<string, R> {
  return Object.fromEntries(Object.entries(stages).map(([stage, what]) => [stage, map(what)]));
}
