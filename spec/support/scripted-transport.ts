import { subjectOf } from '../../lib/kubernetes/answer.ts';
import type {
  ApiRequest,
  ApiResponse,
  Progress,
  Transport,
} from '../../lib/kubernetes/transport.ts';
import { statusOf } from '../../lib/testing/error-answer.ts';
import type { ErrorAnswer } from '../../lib/testing/fault-rule.ts';

type Answer = (
  signal: AbortSignal,
  progress: Progress,
  request: ApiRequest,
) => Promise<ApiResponse>;

const VERBS = { GET: 'get', POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };

/** A transport that answers request by request what it was told to, and keeps what was asked. */
export class ScriptedTransport implements Transport {
  readonly requests: ApiRequest[] = [];
  readonly signals: AbortSignal[] = [];
  readonly #answers: Answer[] = [];
  unrefs = 0;
  closes = 0;

  /** Answers with this status and this as JSON. */
  reply(status: number, json: unknown, headers: Readonly<Record<string, string>> = {}): this {
    return this.replyText(status, [JSON.stringify(json)], headers);
  }

  /** Answers as an API server that refuses what was asked for. */
  refuse(status: number, more: Omit<ErrorAnswer, 'status'> = {}): this {
    return this.#then((signal, _, request) => {
      const subject = subjectOf(request) ?? { group: '', resource: '', namespace: '', name: '' };
      const { group, resource: kind, namespace, name } = subject;
      const verb = request.query?.['watch'] ? 'watch' : VERBS[request.method];
      const answer = statusOf({ status, ...more }, { group, kind, namespace, name, verb });
      return respond(status, [JSON.stringify(answer)], {}, signal);
    });
  }

  /** Answers with what was sent, as it is stored. */
  echo(status: number): this {
    return this.#then((signal, _, { body }) => respond(status, [JSON.stringify(body)], {}, signal));
  }

  /** Answers with a body in these pieces. */
  replyText(
    status: number,
    chunks: readonly string[],
    headers: Readonly<Record<string, string>> = {},
  ): this {
    return this.#then((signal) => respond(status, chunks, headers, signal));
  }

  /** Gives no answer, but this error. */
  fail(error: unknown): this {
    return this.#then(() => Promise.reject(error));
  }

  /** Sends nothing, but fails with this error. */
  failUnsent(error: unknown): this {
    return this.#then((_, progress) => {
      progress.sent = false;
      return Promise.reject(error);
    });
  }

  /** Gives no answer, ever. */
  hang({ sent = true } = {}): this {
    return this.#then((signal, progress) => {
      progress.sent = sent;
      return rejection(signal);
    });
  }

  /** Answers with a stream, to be fed by hand. */
  stream(status = 200): Feed {
    const feed = new Feed();
    this.#then((signal) => Promise.resolve({ status, headers: {}, body: feed.body(signal) }));
    return feed;
  }

  send(
    request: ApiRequest,
    signal: AbortSignal,
    progress: Progress = { sent: true },
  ): Promise<ApiResponse> {
    this.requests.push(request);
    this.signals.push(signal);
    const answer = this.#answers.shift();
    if (!answer) return Promise.reject(new Error('an unexpected request'));
    return answer(signal, progress, request);
  }

  unref(): void {
    this.unrefs += 1;
  }

  close(): void {
    this.closes += 1;
  }

  #then(answer: Answer): this {
    this.#answers.push(answer);
    return this;
  }
}

function respond(
  status: number,
  chunks: readonly string[],
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ApiResponse> {
  signal.throwIfAborted();
  const body = (async function* () {
    for (const chunk of chunks) yield await Promise.resolve(chunk);
  })();
  return Promise.resolve({ status, headers, body });
}

/** The body of an answer, whose pieces come when the spec says so. */
export class Feed {
  readonly #steps: (() => string | undefined)[] = [];
  #wake = Promise.withResolvers<undefined>();
  /** Whether the reader has left. */
  left = false;

  text(chunk: string): void {
    this.#add(() => chunk);
  }

  event(type: string, object: unknown): void {
    this.text(`${JSON.stringify({ type, object })}\n`);
  }

  end(): void {
    this.#add(() => undefined);
  }

  fail(error: Error): void {
    this.#add(() => {
      throw error;
    });
  }

  async *body(signal: AbortSignal): AsyncGenerator<string, void> {
    const aborted = rejection(signal);
    aborted.catch(() => undefined);
    try {
      for (;;) {
        const step = this.#steps.shift();
        if (step) {
          const chunk = step();
          if (chunk === undefined) return;
          yield chunk;
        } else {
          await Promise.race([this.#wake.promise, aborted]);
        }
      }
    } finally {
      this.left = true;
    }
  }

  #add(step: () => string | undefined): void {
    this.#steps.push(step);
    this.#wake.resolve(undefined);
    this.#wake = Promise.withResolvers();
  }
}

/** Rejects with the signal's reason as soon as that aborts. */
function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => {
      reject(signal.reason);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
