import { Writable } from 'node:stream';
import { WriteStream } from 'node:tty';

import { type Entry, termsOf } from './journal.ts';
import { type Line, Screen } from './screen.ts';
import type { Act, Expected } from './stage.ts';

type Event = readonly [atMs: number, pod: string, what: Entry['what'], fencingToken?: string];

/** A play with a killed leader, a restarted one and a release, to be spoiled by the specs. */
export const events: readonly Event[] = [
  [0, 'app-a', 'starts'],
  [0, 'app-b', 'starts'],
  [1_000, 'app-a', 'leads', '5'],
  [1_100, 'app-b', 'waits'],
  [1_500, 'app-a', 'works'],
  [2_000, 'app-a', 'exits'],
  [2_010, 'app-b', 'leads', '9'],
  [3_000, 'app-b', 'exits'],
  [3_000, 'app-b', 'starts'],
  [4_000, 'app-b', 'leads', '9'],
  [4_010, 'app-c', 'starts'],
  [4_500, 'app-c', 'waits'],
  [5_000, 'app-b', 'releases'],
  [5_005, 'app-c', 'leads', '12'],
  [5_020, 'app-b', 'exits'],
];

export const END_MS = 6_800;

export function entriesOf(list: readonly Event[]): Entry[] {
  const runs = new Map<string, number>();
  let count = 0;
  return list.map(([atMs, pod, what, fencingToken]) => {
    if (what === 'starts') runs.set(pod, (count += 1));
    const run = runs.get(pod) ?? 0;
    return { atMs, pod, run, what, ...(fencingToken !== undefined && { fencingToken }) };
  });
}

/** Acts as they should come out of these entries. */
export function actsOf(entries: readonly Entry[]): Act[] {
  const expected: Expected[] = ['anybody', 'another Pod', 'the same Pod', 'another Pod'];
  const leading = termsOf(entries).map((term) => {
    const uid = `uid-of-${term.pod}`;
    const lock = { uid: `lock-${term.pod}`, resourceVersion: term.fencingToken, ownerUid: uid };
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
  let text = '';
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const terminal = Object.assign(out, {
    isTTY,
    getColorDepth: () => WriteStream.prototype.getColorDepth(),
  });
  new Screen(terminal as unknown as NodeJS.WriteStream).print(...lines);
  return text;
}
