import { describe, expect, it } from 'vitest';

import { type Event, type State, start, step } from '../../lib/protocol/for-life.ts';
import type { Lock, Pod, PodReading } from '../../lib/protocol/model.ts';
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
      .map((arrow) => arrow.split(' ')[1] ?? ''),
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

/** The same, as taken: by trying every sort of event in every state that can be reached with them. */
function transitions(): Set<string> {
  const settings = { podName: 'me', maxBackoffMs: 16_000, takeOverFromNotReadyNodeAfterMs: 1_000 };
  const beginnings = [start(settings, undefined), start(settings, 'my-uid')];
  const found = new Set(beginnings.map(({ command }) => `start ${command.do}`));
  const seen = new Set<string>();
  let states: State[] = beginnings;
  for (let depth = 0; depth < 5; depth++) {
    states = states.flatMap((state) =>
      events().flatMap((event) => {
        const next = tryStep(state, event, depth * 10_000);
        if (!next || next === state) return [];
        found.add(`${state.command.do} ${event.type} ${next.command.do}`);
        const key = JSON.stringify([
          next.command,
          next.lock,
          next.holder,
          next.next,
          next.obstacle,
        ]);
        if (seen.has(key)) return [];
        seen.add(key);
        return [next];
      }),
    );
  }
  return found;
}

function tryStep(state: State, event: Event, nowMs: number): State | undefined {
  try {
    return step(state, event, { nowMs, random: 0.5 });
  } catch {
    return undefined;
  }
}

function events(): Event[] {
  const mine: Pod = { name: 'me', uid: 'my-uid', phase: 'Running', deleting: false, running: true };
  const other: Pod = { ...mine, name: 'other', uid: 'other-uid' };
  const ended: Pod = { ...other, phase: 'Failed', running: false };
  const readings: PodReading[] = [
    other,
    { ...other, deleting: true },
    ended,
    'absent',
    'unreadable',
  ];
  const lock: Lock = { uid: 'lock', resourceVersion: '1', deleting: false, finalizers: [] };
  const held = { ...lock, owner: other };
  const own = { ...lock, uid: 'own', owner: mine };
  const after = { ...own, uid: 'after', predecessors: [other, ended] };
  const seen = { watched: true, crowd: 1 };
  return [
    ...([mine, 'absent'] as const).map((self) => ({ type: 'identified', self }) as const),
    ...([own, 'exists', 'quota'] as const).flatMap((outcome) =>
      [mine, other, 'absent' as const].map(
        (self) => ({ type: 'attempted', outcome, self, predecessors: [] }) as const,
      ),
    ),
    ...[undefined, lock, held, own, after, { ...held, deleting: true }].flatMap((found) =>
      readings.flatMap((holder) =>
        (['ready', 'not-ready'] as const).map(
          (node) => ({ type: 'inspected', lock: found, holder, node, ...seen }) as const,
        ),
      ),
    ),
    { type: 'reclaimed', mine: true },
    { type: 'reclaimed', mine: false },
    { type: 'evicted' },
    { type: 'time-up' },
    { type: 'lock-seen', lock: held },
    { type: 'lock-gone', uid: 'lock' },
    ...readings.map((pod) => ({ type: 'holder-seen', pod }) as const),
    { type: 'node-changed' },
    { type: 'watch-opened', of: 'lock' },
    { type: 'watch-lost', of: 'lock' },
  ];
}
