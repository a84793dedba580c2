import type { Aim, RequestFault, SeenRequest } from '../fault.ts';

type Kind = RequestFault['kind'];
type Of<K extends Kind> = Extract<RequestFault, { kind: K }>;

/** What strikes one request. */
export class Misfortune {
  readonly #faults: readonly RequestFault[];

  constructor(faults: readonly RequestFault[]) {
    this.#faults = faults;
  }

  /** Of several of a kind, the one that came first counts. */
  of<K extends Kind>(kind: K): Of<K> | undefined {
    return this.#faults.find((fault): fault is Of<K> => fault.kind === kind);
  }
}

/** The faults that are at work on a line's requests. */
export class RequestFaults {
  readonly #active = new Map<RequestFault, { left: number }>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  add(fault: RequestFault): Disposable {
    // Whoever strikes twice with the same object strikes twice.
    const mine = { ...fault };
    this.#active.set(mine, { left: fault.times ?? Infinity });
    return { [Symbol.dispose]: () => void this.#active.delete(mine) };
  }

  /** Decides what strikes a request, once. */
  strike(request: SeenRequest): Misfortune {
    const struck: RequestFault[] = [];
    for (const [fault, budget] of this.#active) {
      if (budget.left <= 0 || !isAimedAt(request, fault)) continue;
      if (fault.probability !== undefined && this.#random() >= fault.probability) continue;
      budget.left -= 1;
      struck.push(fault);
    }
    return new Misfortune(struck);
  }
}

function isAimedAt(request: SeenRequest, { only }: Aim): boolean {
  if (only === undefined) return true;
  if (typeof only === 'function') return only(request);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (only === 'writes') return !isRead;
  return only === 'watches' ? request.isWatch : isRead && !request.isWatch;
}

export function seen(method: string, path: string): SeenRequest {
  const { searchParams } = new URL(path, 'http://any');
  const isWatch = method === 'GET' && ['true', '1'].includes(searchParams.get('watch') ?? '');
  return { method, path, isWatch };
}
