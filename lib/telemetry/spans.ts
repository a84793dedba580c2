import type { ElectionEvent } from '../events/event.ts';
import { type Pod, identifyingAttributes } from './attributes.ts';
import { codeOf } from './families.ts';
import type { ElectionSpan, ElectionTracer } from './telemetry.ts';

/** Status of a span that ended with an error. */
const ERROR = 2;

/** A span for each wait to lead and for each term, from their events. */
export class Spans {
  readonly #tracer: ElectionTracer;
  readonly #pod: Pod;
  /** The current span of each election that runs. */
  readonly #open = new Map<string, { readonly is: 'wait' | 'term'; readonly span: ElectionSpan }>();

  constructor(tracer: ElectionTracer, pod: Pod) {
    this.#tracer = tracer;
    this.#pod = pod;
  }

  note(event: ElectionEvent): void {
    const { mode, namespace, name, identity } = event;
    const key = JSON.stringify([mode, namespace, name, identity]);
    switch (event.type) {
      case 'started':
        this.#begin(key, 'wait', event);
        break;
      case 'waiting':
        // After a term, which may have ended without a release, the same election waits once more.
        if (this.#open.get(key)?.is !== 'wait') this.#begin(key, 'wait', event);
        break;
      case 'leading':
        this.#begin(key, 'term', event).setAttribute(
          'leader_election.fencing_token',
          event.fencingToken,
        );
        break;
      case 'lost':
      case 'work-abandoned':
        this.#end(key, event.error);
        break;
      case 'failed':
        // A call that is refused, because another one leads, fails beside that one's term.
        if (this.#open.get(key)?.is === 'wait') this.#end(key, event.error);
        break;
      case 'released':
      case 'ended':
        this.#end(key);
        break;
      default:
    }
  }

  /** Ends every span. */
  close(): void {
    for (const key of [...this.#open.keys()]) this.#end(key);
  }

  #begin(key: string, is: 'wait' | 'term', event: ElectionEvent): ElectionSpan {
    this.#end(key);
    const attributes = identifyingAttributes(event, this.#pod);
    // Whatever happens to be active where an event is reported is not its cause.
    const span = this.#tracer.startSpan(`leader_election.${is}`, { root: true, attributes });
    this.#open.set(key, { is, span });
    return span;
  }

  #end(key: string, error?: Error): void {
    const span = this.#open.get(key)?.span;
    this.#open.delete(key);
    if (span && error) {
      span.setAttribute('error.type', codeOf(error));
      span.setStatus({ code: ERROR, message: error.message });
    }
    span?.end();
  }
}
