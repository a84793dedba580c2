import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { PlainExchange } from './plain.ts';
import { STAGES, type Stage } from './stages.ts';

/** What client-go wrote, and what a real API server stored: see `record.ts`. */
export const recorded = JSON.parse(
  readFileSync(new URL('fixtures/client-go.json', import.meta.url), 'utf8'),
) as Record<Stage, PlainExchange>;

/** Says of each stage at which it fails. */
export function expectSameRequests(played: Readonly<Record<Stage, PlainExchange>>): void {
  for (const stage of STAGES) {
    const [is, was] = [played, recorded].map((exchanges) => {
      const { method, path, contentType, request, status } = exchanges[stage];
      return { stage, method, path, contentType, request: withoutNothing(request), status };
    });
    expect.soft(is).toEqual(was);
  }
}

/** To the byte, but for what `Plainer` replaces. */
export function expectSameObjects(played: Readonly<Record<Stage, PlainExchange>>): void {
  for (const stage of STAGES) {
    const [is, was] = [played, recorded].map(
      (exchanges) => `${stage}: ${JSON.stringify(exchanges[stage].answer)}`,
    );
    expect.soft(is).toBe(was);
  }
}

/** Go writes down of an Event what it does not say, too. A Lease says all. */
function withoutNothing(request: unknown): unknown {
  const { eventTime, reportingInstance, ...rest } = request as Record<string, unknown>;
  expect([undefined, null]).toContain(eventTime);
  expect([undefined, '']).toContain(reportingInstance);
  return rest;
}
