import { expect, it } from 'vitest';

import type { Command, Event, State } from '../../../lib/protocol/life/state.ts';
import { step } from '../../../lib/protocol/life/step.ts';
import type { Lock, PodReading } from '../../../lib/protocol/model.ts';
import { ME, aLock, aReading, aState, inspected, ofMe } from '../fixtures.ts';

export const NOW = 50_000;
export const when = { nowMs: NOW, random: 0.5 };

export const inspecting: Command = { do: 'inspect', search: false };
export const attempting: Command = { do: 'attempt', podUid: ME.uid, verify: true };

export const timeUp: Event = { type: 'time-up' };
export const reclaimed: Event = { type: 'reclaimed', mine: true };

/** Waiting for the rival, whose Pod runs, with a look planned at a given time. */
export function waiting(changes: Partial<State> = {}, untilMs = NOW + 60_000): State {
  return aState({
    command: { do: 'wait', untilMs },
    lock: aLock(),
    holder: aReading(),
    obstacle: 'alive',
    next: 'inspect',
    candidateCount: 100,
    polls: 3,
    ...changes,
  });
}

export type Outcome = (Event & { type: 'attempted' })['outcome'];

/** The answer to a create, and what was read beside it. */
export const attempted = (
  outcome: Outcome,
  predecessors: readonly PodReading[] = [],
  self: PodReading | undefined = ofMe(),
): Event => ({ type: 'attempted', outcome, self, predecessors });
export const gone = (lock: Lock = aLock()): Event => ({ type: 'lock-gone', lock });
export const seen = (lock: Lock): Event => ({ type: 'lock-seen', lock });

/** What a candidate does after a look, whatever it was about to do. */
export const looked = (
  state: State,
  changes: Parameters<typeof inspected>[0] = {},
  nowMs = NOW,
): State => {
  const event = inspected({ candidateCount: 100, ...changes });
  return step({ ...state, command: inspecting }, event, { ...when, nowMs });
};

/** What comes of these events, all at the same moment. */
export const after = (state: State, ...events: readonly Event[]): State =>
  events.reduce((before, event) => step(before, event, when), state);

/** What a candidate has come to, and a part of that state, or its command. */
export type Row = readonly [come: () => State, to: object];

export function decisions(rows: Readonly<Record<string, Row>>): void {
  it.each(Object.entries(rows))('%s', (_, [come, to]) => {
    const state = come();
    if ('do' in to) expect(state.command).toEqual(to);
    else expect(state).toMatchObject(to);
  });
}
