import { channel } from 'node:diagnostics_channel';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { ElectionEvent, EventListener } from '../../lib/events/event.ts';
import { EventStream } from '../../lib/events/stream.ts';
import { ManualClock } from '../support/manual-clock.ts';

const published = channel('leader-for-life');
const subject = { mode: 'life' as const, name: 'lock', namespace: 'prod', identity: 'app-0' };
const released = { ...subject, type: 'released', level: 'info', message: 'released' };

let clock: ManualClock;
let lines: string[];
let warnings: { readonly message: string; readonly code: string }[];
let heard: unknown[];
const hear = (message: unknown) => heard.push(message);

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  warnings = [];
  heard = [];
  published.subscribe(hear);
});

afterEach(() => {
  published.unsubscribe(hear);
});

function streamTo(onEvent?: EventListener): EventStream {
  return new EventStream({
    clock,
    subject,
    onEvent,
    log: (line) => lines.push(line),
    warn: (message, code) => warnings.push({ message, code }),
  });
}

describe('an event', () => {
  test('goes to the log, to onEvent and to the channel', () => {
    const events: ElectionEvent[] = [];
    streamTo((event) => events.push(event)).emit({ type: 'released' }, 'released');
    expect(events).toEqual([released]);
    expect(heard).toEqual([released]);
    expect(lines).toEqual(['prod/lock: released']);
    expect(warnings).toEqual([]);
  });

  test('goes to the channel where there is no onEvent, and reaches nobody where nobody listens', () => {
    streamTo().emit({ type: 'released' }, 'released');
    published.unsubscribe(hear);
    streamTo().emit({ type: 'released' }, 'released');
    expect(heard).toEqual([released]);
  });

  test('has no control characters in its message', () => {
    streamTo().emit({ type: 'observed', leader: 'a' }, 'a\u001b[31m leads');
    expect(heard).toMatchObject([{ message: 'a [31m leads' }]);
  });

  test('names the lock by what is known of it', () => {
    const stream = streamTo();
    stream.locate({ name: 'lease', namespace: '' });
    stream.emit({ type: 'skipped' }, 'leads');
    expect(lines).toEqual(['lease: leads']);
    expect(heard).toMatchObject([{ name: 'lease', namespace: '' }]);
  });
});

describe('a listener', () => {
  test.each([
    ['throws', () => raise(), 'broken'],
    ['rejects', () => Promise.reject(new Error('broken')), 'broken'],
    [
      'throws what cannot be shown',
      () => raise(Object.create(null)),
      'something that cannot be shown',
    ],
  ])('that %s is told once and changes nothing', async (_, fail, what) => {
    const types: string[] = [];
    const stream = streamTo((event) => {
      types.push(event.type);
      return fail();
    });
    stream.emit({ type: 'released' }, 'released');
    stream.emit({ type: 'released' }, 'released');
    await clock.advance(0);
    const code = 'LEADER_FOR_LIFE_ON_EVENT';
    expect(warnings).toEqual([{ message: `onEvent threw: ${what}`, code }]);
    expect(types.toSorted()).toEqual(['degraded', 'released', 'released']);
  });
});

describe('what somebody should mend', () => {
  test('is an event and a warning of the process, once for each kind', () => {
    const stream = streamTo();
    expect(stream.degraded('silent-watch', 'polled')).toBe(true);
    expect(stream.degraded('silent-watch', 'polled')).toBe(false);
    const code = 'LEADER_FOR_LIFE_SILENT_WATCH';
    expect(heard).toEqual([
      { ...subject, type: 'degraded', level: 'warn', code, message: 'polled' },
    ]);
    expect(warnings).toEqual([{ message: 'polled', code }]);
    expect(lines).toHaveLength(2);
  });

  test('is trouble that lasts: each failure is an event, the warning comes after ten seconds', async () => {
    const stream = streamTo();
    const error = new Error('GET /x: refused');
    stream.trouble(error);
    await clock.advance(9_999);
    stream.trouble(error);
    expect(warnings).toEqual([]);
    await clock.advance(1);
    stream.trouble(error);
    expect(warnings.map(({ code }) => code)).toEqual(['LEADER_FOR_LIFE_TROUBLE']);
    expect(heard.map((event) => (event as ElectionEvent).type)).toEqual([
      ...['trouble', 'trouble', 'trouble', 'degraded'],
    ]);
    expect(heard[0]).toEqual({
      ...{ ...subject, type: 'trouble', level: 'warn', error },
      message: error.message,
    });
  });

  test('is not trouble that ended in between', async () => {
    const stream = streamTo();
    stream.trouble(new Error('refused'));
    await clock.advance(9_999);
    stream.succeeded();
    stream.trouble(new Error('refused'));
    await clock.advance(9_999);
    stream.trouble(new Error('refused'));
    expect(warnings).toEqual([]);
  });
});

function raise(error: unknown = new Error('broken')): never {
  throw error;
}
