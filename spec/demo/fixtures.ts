import { Writable } from 'node:stream';
import { WriteStream } from 'node:tty';

import { said } from '../lab/fixtures.ts';
import { termsOf } from '../lab/history.ts';
import type { Entry } from '../lab/journal.ts';
import { type Line, textOf } from '../../lib/cli/demo/screen.ts';
import type { Act, Expected } from './stage.ts';

type Event = readonly [
  atMs: number,
  pod: string,
  event: Entry['event'],
  fencingToken?: string | undefined,
];

/** A play with a killed leader, a restarted one and a release, to be spoiled by the specs. */
export const events: readonly Event[] = [
  [0, 'app-a', 'start'],
  [0, 'app-b', 'start'],
  [1_000, 'app-a', 'leading', '5'],
  [1_100, 'app-b', 'waiting'],
  [1_980, 'app-a', 'heartbeat'],
  [2_000, 'app-a', 'gone'],
  [2_010, 'app-b', 'leading', '9'],
  [3_000, 'app-b', 'gone'],
  [3_000, 'app-b', 'start'],
  [4_000, 'app-b', 'leading', '9'],
  [4_010, 'app-c', 'start'],
  [4_500, 'app-c', 'waiting'],
  [5_000, 'app-b', 'releasing'],
  [5_005, 'app-c', 'leading', '12'],
  [5_020, 'app-b', 'gone'],
];

export const END_MS = 6_800;

export function entriesOf(list: readonly Event[]): Entry[] {
  const runs = new Map<string, string>();
  return list.map(([atMs, pod, event, fencingToken]) => {
    if (event === 'start') runs.set(pod, `run ${runs.size} of ${pod} at ${atMs}`);
    const token = fencingToken === undefined ? {} : { fencingToken };
    return said(pod, event, atMs, { run: runs.get(pod) ?? '', reason: 'held', ...token });
  });
}

/** Acts as they should come out of these entries. */
export function actsOf(entries: readonly Entry[]): Act[] {
  const expected: Expected[] = ['anybody', 'another Pod', 'the same Pod', 'another Pod'];
  const leading = termsOf(entries).map((term) => {
    const uid = `uid-of-${term.pod}`;
    const { fencingToken: resourceVersion = '' } = term;
    const lock = { uid: `lock-${term.pod}`, resourceVersion, ownerUid: uid };
    return { replica: { pod: term.pod, uid }, term, lock };
  });
  return leading.map((after, index) => ({
    number: index + 1,
    expected: expected[index] ?? 'anybody',
    atMs: [0, 1_990, 3_000, 4_990][index] ?? 0,
    handoverMs: [1_000, 10, 1_000, 5][index] ?? 0,
    before: leading[index - 1],
    after,
  }));
}

/** What a screen shows of these lines. */
export function printed(lines: readonly Line[], { isTTY = false } = {}): string {
  const terminal = Object.assign(new Writable(), {
    isTTY,
    getColorDepth: () => WriteStream.prototype.getColorDepth(),
  });
  return textOf(lines, terminal as unknown as NodeJS.WriteStream);
}
