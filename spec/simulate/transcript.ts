import type { Candidate } from './candidate.ts';
import { type Fact, type Handlers, type Sent, handle } from './fact.ts';
import type { World } from './world.ts';

/** Since the beginning, as in `+12.345s`. */
export function time(ms: number): string {
  return `+${(Math.round(ms) / 1000).toFixed(3)}s`;
}

/** What happened, line by line: the same bytes for the same schedule. */
export class Transcript {
  readonly lines: string[] = [];

  add(atMs: number, who: string, what: string): void {
    if (what !== '') this.lines.push(`${time(atMs)} ${who} ${what}`);
  }
}

/** Writes down every fact. */
export function record(transcript: Transcript, world: World): (fact: Fact) => void {
  const words: Handlers<Candidate, string> = {
    event: ({ event }) => world.tell(event),
    phase: ({ phase }) => `--- ${phase} ---`,
    born: ({ who }) => `begins in Pod ${who.podName} ${who.podUid}`,
    died: () => 'is dead',
    asked: () => 'asks to lead',
    withdrew: () => 'does not want to lead any more',
    refused: ({ error }) => `is refused: ${describe(error)}`,
    leads: ({ token }) => `LEADS with the token ${token}`,
    ended: ({ why }) => `leads no more: ${why}`,
    'steps down': ({ isCalled }) => `steps down${isCalled ? '' : ', as it was told'}`,
    released: ({ token }) => `is told that it has released, with the token ${token}`,
    sent: ({ sent }) => `> #${sent.number} ${requestLine(sent)}`,
    answered: ({ sent, status }) => `< #${sent.number} ${status}`,
    unanswered: ({ sent, why }) => `x #${sent.number} ${why}`,
    written,
    warned: ({ code, message }) => `warns ${code}: ${message.split('\n')[0] ?? ''}`,
  };
  return (fact) => {
    const who = 'who' in fact ? fact.who.name : fact.type === 'written' ? 'cluster' : 'world';
    transcript.add(world.clock.now(), who, handle(words, fact) ?? '');
  };
}

/** A request in few words, with its preconditions. */
function requestLine({ verb, resource, name, request }: Sent): string {
  const { preconditions } = (request.body ?? {}) as { preconditions?: Record<string, string> };
  const conditions = Object.entries(preconditions ?? {}).map(([key, value]) => ` ${key}=${value}`);
  return `${verb} ${resource}/${name}${conditions.join('')}`;
}

function written({ resource, before, after }: Fact & { type: 'written' }): string {
  const object = after ?? before;
  if (!object) return '';
  const { name, uid, resourceVersion, ownerReferences = [] } = object.metadata;
  const verb = after ? (before ? 'changes' : 'has') : 'has no more';
  const owner = ownerReferences.map((reference) => ` of ${reference.uid}`).join('');
  const version = after ? ` @${resourceVersion}` : '';
  return `${verb} ${resource}/${name} ${uid}${version}${owner}`;
}

/** An error by its kind and message. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? ` ${String(error.code)}` : '';
  return `${error.name}${code}: ${error.message.split('\n')[0] ?? ''}`;
}
