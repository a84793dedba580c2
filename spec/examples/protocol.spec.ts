import type { Bar } from '../../lib/protocol/bar.ts';
import { describe, expect, it } from 'vitest';

import { type Event, type Moment, type State, start } from '../../lib/protocol/life/state.ts';
import { step } from '../../lib/protocol/life/step.ts';
import {
  type Lock,
  MAX_PREDECESSORS,
  type Pod,
  type PodReading,
} from '../../lib/protocol/model.ts';
import { read } from '../public/project.ts';

const page = read('docs/protocol.md');
const [, diagram = ''] = /^```mermaid\n(.*?)^```/ms.exec(page) ?? [];

describe('the state diagram in docs/protocol.md', () => {
  const drawn = arrows();
  const taken = transitions();

  it('shows every transition that there is', () => {
    expect([...taken].filter((arrow) => !drawn.has(arrow))).toEqual([]);
  });

  it('shows none that there is not', () => {
    expect([...drawn].filter((arrow) => !taken.has(arrow))).toEqual([]);
  });
});

describe('the tables in docs/protocol.md', () => {
  const commands = new Set(Array.from(transitions(), (arrow) => arrow.split(' ').at(-1) ?? ''));
  const hints = new Set(
    [...transitions()]
      .filter((arrow) => arrow.startsWith('wait ') && arrow.endsWith(' wait'))
      .map((arrow) => arrow.split(' ')[1] ?? '')
      .filter((event) => event !== 'time-up'),
  );

  it.each([...commands, 'identify', ...hints])('explain %s', (name) => {
    expect(page).toMatch(new RegExp(`^\\| \`${name}\` +\\|`, 'm'));
  });
});

/** `attempt attempted lead` and so on, as drawn. */
function arrows(): Set<string> {
  const found = new Set<string>();
  for (const [, from = '', to = '', label = ''] of diagram.matchAll(
    /(\S+) --> ([^\s:]+)(?:: (.*))?/g,
  )) {
    if (to === '[*]') continue;
    if (from === '[*]') {
      found.add(`start ${to}`);
      continue;
    }
    for (const event of label.split(' – ')[0]?.split(', ') ?? []) {
      found.add(`${from} ${event} ${to}`);
    }
  }
  return found;
}

const BAR: Bar = { because: 'unhealthy', untilMs: Number.POSITIVE_INFINITY };

/** The same, as taken: by trying every sort of event in every state that can be reached with them. */
function transitions(): Set<string> {
  const settings = {
    podName: 'me',
    maxBackoffMs: 16_000,
    takeOverFromNotReadyNodeAfterMs: 1_000,
    trustsPodUid: false,
  };
  const beginnings = [
    start(settings, undefined),
    start(settings, 'my-uid'),
    start(settings, 'my-uid', [], true),
  ];
  const found = new Set(beginnings.map(({ command }) => `start ${command.do}`));
  const seen = new Set<string>();
  let states: State[] = beginnings;
  for (let depth = 0; depth < 5; depth++) {
    states = states.flatMap((state) =>
      [undefined, BAR].flatMap((bar) =>
        events().flatMap((event) => {
          const next = tryStep(state, event, { nowMs: depth * 10_000, random: 0.5, bar });
          if (!next || next === state) return [];
          found.add(`${state.command.do} ${event.type} ${next.command.do}`);
          const key = JSON.stringify([
            next.command,
            next.lock,
            next.holder,
            next.predecessors.length,
            next.next,
            next.obstacle,
          ]);
          if (seen.has(key)) return [];
          seen.add(key);
          return [next];
        }),
      ),
    );
  }
  return found;
}

function tryStep(state: State, event: Event, when: Moment): State | undefined {
  // A look is cut short by the end of the lock that is known, and of no other.
  const isOther = event.type === 'lock-gone' && event.lock.uid !== state.lock?.uid;
  if (state.command.do === 'inspect' && isOther) return undefined;
  try {
    return step(state, event, when);
  } catch {
    return undefined;
  }
}

function events(): Event[] {
  const mine: Pod = { name: 'me', uid: 'my-uid', phase: 'Running', deleting: false, mayRun: true };
  const other: Pod = { ...mine, name: 'other', uid: 'other-uid' };
  const ended: Pod = { ...other, phase: 'Failed', mayRun: false };
  const next: Pod = { ...other, name: 'next', uid: 'next-uid', deleting: true };
  const many = Array.from({ length: MAX_PREDECESSORS }, (_, index) => ({
    name: `pod-${index}`,
    uid: `uid-${index}`,
  }));
  const found = [other, { ...other, deleting: true }, ended, 'absent', 'unreadable'] as const;
  const read = (each: PodReading['found'], of = other): PodReading => ({ of, found: each });
  const lock: Lock = {
    uid: 'lock',
    resourceVersion: '1',
    released: false,
    deleting: false,
    finalizers: [],
  };
  const held = { ...lock, owner: other };
  const own = { ...lock, uid: 'own', owner: mine };
  const after = { ...own, uid: 'after', predecessors: [other, next] };
  const crowded = { ...held, uid: 'crowded', predecessors: many };
  const seen = { watched: true, candidateCount: 1 };
  const locks = [undefined, lock, held, own, after, crowded];
  const marked = [held, own].flatMap((each) => [
    { ...each, deleting: true },
    { ...each, released: true },
  ]);
  return [
    ...([mine, 'absent'] as const).map((self) => ({ type: 'identified', self }) as const),
    ...([own, 'exists', 'quota'] as const).flatMap((outcome) =>
      [mine, other, 'absent' as const].flatMap((self) =>
        ([[], [read({ ...other, deleting: true })]] as const).map(
          (predecessors) =>
            ({ type: 'attempted', outcome, self: read(self, mine), predecessors }) as const,
        ),
      ),
    ),
    ...[...locks, ...marked].flatMap((each) =>
      found.flatMap((holder) =>
        (['ready', 'not-ready'] as const).map((node) => {
          const pods = [read(holder), read(next, next)];
          return { type: 'inspected', lock: each, pods, node, ...seen } as const;
        }),
      ),
    ),
    { type: 'reclaimed', mine: true },
    { type: 'reclaimed', mine: false },
    { type: 'evicted' },
    { type: 'time-up' },
    { type: 'lock-seen', lock: held },
    { type: 'lock-gone', lock: held },
    { type: 'lock-gone', lock: crowded },
    ...found.map((each) => ({ type: 'pod-seen', pod: read(each) }) as const),
    { type: 'node-changed' },
    { type: 'unbarred' },
    { type: 'watch-opened', of: 'lock' },
    { type: 'watch-lost', of: 'lock' },
  ];
}
