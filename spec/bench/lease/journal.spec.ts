import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';

import { type Entry, Journal } from './journal.ts';

function entry(event: Entry['event'], identity: string): Entry {
  return { event, identity, atMs: 1 };
}

function leader(journal: Journal): string | undefined {
  return journal.entries.findLast(({ event }) => event === 'leading')?.identity;
}

describe('a journal', () => {
  test('is what streams say, line by line', async () => {
    const journal = new Journal();
    const streams = [new PassThrough(), new PassThrough()];
    for (const stream of streams) journal.follow(stream);
    streams[0]?.write('{"event":"leading","identi');
    streams[1]?.write('{"event":"start","atMs":1}\n');
    streams[0]?.end('ty":"a","atMs":2.5}\n');
    expect(await journal.until('somebody leads', () => leader(journal))).toBe('a');
    expect(journal.entries).toEqual([
      { event: 'start', atMs: 1 },
      { event: 'leading', identity: 'a', atMs: 2.5 },
    ]);
  });

  test('tells who waits as soon as it is so', async () => {
    const journal = new Journal();
    const waiting = journal.until('somebody leads', () => leader(journal));
    journal.add(entry('start', 'a'));
    journal.add(entry('leading', 'a'));
    expect(await waiting).toBe('a');
  });

  test('lets nobody wait for those who have ended', async () => {
    const journal = new Journal();
    const waiting = journal.until('somebody leads', () => leader(journal));
    journal.fail(new Error('it has ended'));
    await expect(waiting).rejects.toThrow('it has ended');
    await expect(journal.until('another', () => leader(journal))).rejects.toThrow('it has ended');
  });
});
