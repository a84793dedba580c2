import { readFileSync } from 'node:fs';
import type { PlainExchange } from './plain.ts';
import { STAGES, type Stage } from './stages.ts';

/** What client-go wrote, and what a real API server stored: see `record.ts`. */
export const recorded = JSON.parse(
  readFileSync(new URL('fixtures/client-go.json', import.meta.url), 'utf8'),
) as Record<Stage, PlainExchange>;

type Played = Readonly<Record<Stage, PlainExchange>>;

/** What was asked for at each stage, but for the order of what has none. */
export function requestsOf(played: Played): object {
  return byStage(played, ({ answer: _, request, ...rest }) => ({
    ...rest,
    request: withoutNothing(request as object),
  }));
}

/** What was stored at each stage, to the byte but for what `Plainer` replaces. */
export function objectsOf(played: Played): object {
  return byStage(played, ({ answer }) => JSON.stringify(answer));
}

function byStage(played: Played, pick: (exchange: PlainExchange) => unknown): object {
  return Object.fromEntries(STAGES.map((stage) => [stage, pick(played[stage])]));
}

/** Go writes down of an Event what it does not say, too. A Lease says all. */
function withoutNothing(request: object): object {
  const nothing: Readonly<Record<string, unknown>> = { eventTime: null, reportingInstance: '' };
  const entries = Object.entries(request).filter(
    ([key, value]) => !(key in nothing) || value !== nothing[key],
  );
  return Object.fromEntries(entries);
}
