import type { Fact, Sent } from './fact.ts';
import type { World } from './world.ts';

/** Since the beginning, as in `+12.345s`. */
export function time(ms: number): string {
  return `+${(Math.round(ms) / 1000).toFixed(3)}s`;
}

type Line = readonly [who: string, what: string];

/** What happened, line by line: the same bytes for the same schedule. */
export class Transcript {
  readonly lines: string[] = [];

  add(atMs: number, who: string, what: string): void {
    if (what !== '') this.lines.push(`${time(atMs)} ${who} ${what}`);
  }
}

/** Writes down every fact. */
export function record(transcript: Transcript, world: World): (fact: Fact) => void {
  return (fact) => {
    if (fact.type !== 'settled') transcript.add(world.clock.now(), ...tell(fact, world));
  };
}

function tell(fact: Exclude<Fact, { readonly type: 'settled' }>, world: World): Line {
  switch (fact.type) {
    case 'event':
      return ['world', world.tell(fact.event)];
    case 'phase':
      return ['world', `--- ${fact.phase} ---`];
    case 'born':
      return [fact.who.name, `begins in Pod ${fact.who.podName} ${fact.who.podUid}`];
    case 'died':
      return [fact.who.name, 'is dead'];
    case 'asked':
      return [fact.who.name, 'asks to lead'];
    case 'withdrew':
      return [fact.who.name, 'does not want to lead any more'];
    case 'refused':
      return [fact.who.name, `is refused: ${describe(fact.error)}`];
    case 'leads':
      return [fact.who.name, `LEADS with the token ${fact.token}`];
    case 'ended':
      return [fact.who.name, `leads no more: ${fact.why}`];
    case 'released':
      return [fact.who.name, `is told that it has released, with the token ${fact.token}`];
    case 'sent':
      return [fact.who.name, `> #${fact.sent.number} ${requestLine(fact.sent)}`];
    case 'answered':
      return [fact.who.name, `< #${fact.sent.number} ${fact.status}`];
    case 'unanswered':
      return [fact.who.name, `x #${fact.sent.number} ${fact.why}`];
    case 'written':
      return ['cluster', written(fact)];
    case 'warned':
      return [fact.who.name, `warns ${fact.code}: ${fact.message.split('\n')[0] ?? ''}`];
  }
}

/** A request in few words, with its preconditions. */
export function requestLine({ verb, resource, name, request }: Sent): string {
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
