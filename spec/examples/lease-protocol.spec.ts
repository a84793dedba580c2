import { describe, expect, it } from 'vitest';

import type { LockVersion } from '../../lib/protocol/lease/record.ts';
import { type Event, type Moment, type State, start } from '../../lib/protocol/lease/state.ts';
import { step } from '../../lib/protocol/lease/step.ts';
import { read } from '../public/project.ts';

const page = read('docs/lease-protocol.md');
const [overview = '', ...details] = Array.from(
  page.matchAll(/^```mermaid\n(.*?)^```/gms),
  ([, diagram = '']) => diagram,
);

/** `leading get` and so on: what the page calls that state. */
const names = new Map(
  Array.from(
    page.matchAll(/^\| `(\w+)` +\| (\w+) +\| `(\w+)` +\|/gm),
    ([, name = '', phase = '', command = '']) => [`${phase} ${command}`, name],
  ),
);

const settings = {
  identity: 'me',
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

const steps = taken();

describe('the diagram of phases in docs/lease-protocol.md', () => {
  const changes = steps
    .filter(({ before, after }) => before.phase !== after.phase)
    .map(({ before, event, after }) => `${before.phase} ${why(event, after)} ${after.phase}`);

  it('shows every change of phase that there is', () => {
    expect(missing(changes, arrows(overview))).toEqual([]);
  });

  it('shows none that there is not', () => {
    expect(missing(arrows(overview), changes)).toEqual([]);
  });
});

describe('the diagrams of states in docs/lease-protocol.md', () => {
  const drawn = details.flatMap((diagram) => arrows(diagram));
  const transitions = steps
    .filter(({ event, after }) => !['finish', 'expired'].includes(why(event, after)))
    .map(({ before, event, after }) => `${nameOf(before)} ${event.type} ${nameOf(after)}`);

  it('show every transition that there is', () => {
    expect(missing(transitions, drawn)).toEqual([]);
  });

  it('show none that there is not', () => {
    expect(missing(drawn, transitions)).toEqual([]);
  });

  it('leave out what is possible in every state of a phase that it is possible in', () => {
    const among = (word: string) =>
      new Set(
        steps.flatMap(({ before, event, after }) =>
          why(event, after) === word ? [nameOf(before)] : [],
        ),
      );
    const ofPhases = (...phases: string[]) =>
      new Set(
        [...names].flatMap(([key, name]) => (phases.includes(key.split(' ')[0] ?? '') ? name : [])),
      );
    expect(among('finish')).toEqual(ofPhases('following', 'leading'));
    expect(among('expired')).toEqual(ofPhases('leading'));
  });

  it('show every state of the table', () => {
    const shown = new Set(drawn.flatMap((arrow) => [arrow.split(' ')[0], arrow.split(' ').at(-1)]));
    expect(shown).toEqual(new Set(names.values()));
  });
});

interface Step {
  readonly before: State;
  readonly event: Event;
  readonly after: State;
}

/** An expiry is no event: it is found on whichever comes next. */
function why(event: Event, after: State): string {
  return after.loss?.because === 'expired' ? 'expired' : event.type;
}

function nameOf({ phase, command }: State): string {
  return names.get(`${phase} ${command.do}`) ?? `(${phase} ${command.do})`;
}

function missing(those: readonly string[], among: readonly string[]): string[] {
  return [...new Set(those)].filter((arrow) => !among.includes(arrow));
}

/** `look got take` and so on, as drawn. */
function arrows(diagram: string): string[] {
  const found = diagram.matchAll(/(\S+) --> ([^\s:]+)(?:: (.*))?/g);
  return Array.from(found).flatMap(([, from = '', to = '', label = '']) =>
    from === '[*]' || to === '[*]'
      ? []
      : (label.split(' – ')[0]?.split(', ') ?? []).map((event) => `${from} ${event} ${to}`),
  );
}

/** The same, as taken: by trying every sort of event in every state that can be reached with them. */
function taken(): Step[] {
  const found: Step[] = [];
  const seen = new Set<string>();
  let reached = [{ state: start(settings, at(0)), nowMs: 0 }];
  for (let depth = 0; depth < 7; depth++) {
    reached = reached.flatMap(({ state, nowMs }) =>
      eventsFor(state).flatMap((event) =>
        moments(nowMs).flatMap((moment) => {
          const laterMs = moment.nowMs;
          const after = tryStep(state, event, moment);
          if (!after || after === state) return [];
          found.push({ before: state, event, after });
          const key = keyOf(after, laterMs);
          if (seen.has(key)) return [];
          seen.add(key);
          return [{ state: after, nowMs: laterMs }];
        }),
      ),
    );
  }
  return found;
}

/** What of a state makes a difference to what can come after it. */
function keyOf(state: State, nowMs: number): string {
  const { phase, command, next, version, gone, watch, writeUnconfirmed } = state;
  const { holderIdentity, leaseTransitions } = version?.record ?? {};
  const isBarred = command.do === 'wait' && command.bar !== undefined;
  const rest = [state.conflicts > 0, nowMs >= state.heldUntilMs, isBarred];
  return JSON.stringify([
    ...[phase, command.do, next, holderIdentity, leaseTransitions, gone, watch, writeUnconfirmed],
    ...rest,
  ]);
}

function tryStep(state: State, event: Event, moment: Moment): State | undefined {
  try {
    return step(state, event, moment);
  } catch {
    return undefined;
  }
}

/** At once, and after a lease; with and without a bar. */
function moments(nowMs: number): Moment[] {
  const bar = { because: 'unhealthy' as const, untilMs: Number.POSITIVE_INFINITY };
  return [nowMs, nowMs + settings.leaseDurationMs + 1_000].flatMap((laterMs) => [
    at(laterMs),
    { ...at(laterMs), bar },
  ]);
}

function at(nowMs: number): Moment {
  return { nowMs, bootMs: nowMs, dateMs: nowMs, random: 0.5 };
}

function eventsFor({ phase, command, sent }: State): Event[] {
  const stored = sent.slice(-1).map((record) => ({ ...lockOf('me', 0), record }));
  const others = [lockOf('me', 0), lockOf('other', 1), lockOf('', 1), lockOf('', 0)];
  const versions = [...stored, ...others];
  const written = 'record' in command ? [{ ...lockOf('me', 0), record: command.record }] : [];
  const events: Event[] = [
    ...[undefined, ...versions].map((version) => ({ type: 'got', version }) as const),
    ...[...written, 'conflict' as const].map((version) => ({ type: 'written', version }) as const),
    ...[true, false].map((ambiguous) => ({ type: 'failed', ambiguous }) as const),
    ...versions.map((version) => ({ type: 'seen', version }) as const),
    ...(['time-up', 'unbarred', 'watch-opened', 'watch-lost'] as const).map((type) => ({ type })),
    { type: 'gone', resourceVersion: 'any' },
  ];
  // Who is told to stop is not told again.
  return phase === 'releasing' ? events : [...events, { type: 'finish' }];
}

function lockOf(holderIdentity: string, leaseTransitions: number): LockVersion {
  const record = {
    holderIdentity,
    leaseDurationSeconds: 15,
    acquireTime: undefined,
    renewTime: undefined,
    leaseTransitions,
  };
  return { record, resourceVersion: 'any' };
}
