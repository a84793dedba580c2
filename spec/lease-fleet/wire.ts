import { readFileSync } from 'node:fs';
import { type PlainExchange, mapped } from './plain.ts';

type Played = Readonly<Record<string, PlainExchange>>;

/** What client-go wrote, and what a real API server stored: see `record.ts`. */
export const recorded = JSON.parse(
  readFileSync(new URL('fixtures/client-go.json', import.meta.url), 'utf8'),
) as Played;

/** What was asked for at each stage, except for the order of what has none. */
export function requestsOf(played: Played): object {
  return mapped(played, ({ answer: _, request, ...rest }) => ({
    ...rest,
    request: withoutNothing(request as object),
  }));
}

/** What was stored at each stage, to the byte except for what `Plainer` replaces. */
export function objectsOf(played: Played): object {
  return mapped(played, ({ answer }) => JSON.stringify(answer));
}

/** Go writes down of an Event what it does not say, too. A Lease says all. */
function withoutNothing(request: object): object {
  const nothing: Readonly<Record<string, unknown>> = { eventTime: null, reportingInstance: '' };
  const entries = Object.entries(request).filter(
    ([key, value]) => !(key in nothing) || value !== nothing[key],
  );
  return Object.fromEntries(entries);
}
