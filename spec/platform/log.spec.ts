import createDebug from 'debug';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { createLog } from '../../lib/platform/log.ts';

const written = vi.fn();
const { log: original } = createDebug;

// The first line that somebody wants to read loads `debug`.
beforeAll(async () => {
  createDebug.enable('leader-for-life:spec');
  createDebug.log = written;
  createLog('spec')('first');
  createLog('spec')('second');
  await vi.waitFor(() => {
    expect(written).toHaveBeenCalledTimes(2);
  });
  expect(written.mock.calls.map((call) => / (first|second)/.exec(call.join(' '))?.[1])).toEqual([
    'first',
    'second',
  ]);
  createDebug.disable();
});

beforeEach(() => {
  written.mockReset();
  createDebug.log = written;
});

afterEach(() => {
  createDebug.disable();
  createDebug.log = original;
});

describe('createLog', () => {
  it('writes nothing unless DEBUG names it', () => {
    createLog('spec')('hello');
    createDebug.enable('leader-for-life:other');
    createLog('spec')('hello');
    expect(written).not.toHaveBeenCalled();
  });

  it('writes once DEBUG names it', () => {
    const log = createLog('spec');
    createDebug.enable('leader-for-life:*');
    log('hello');
    expect(written).toHaveBeenCalledOnce();
  });

  it.each([
    ['hello', /leader-for-life:spec.* hello/],
    // Placeholders are none.
    ['100 %d %s %o %j %%', '100 %d %s %o %j %%'],
    ['%', '%'],
    ['one\ntwo', 'one two'],
  ])('writes %j as one line of text', (message, line) => {
    createDebug.enable('leader-for-life:spec');
    createLog('spec')(message);
    expect(written).toHaveBeenCalledOnce();
    const [first, ...rest] = (written.mock.lastCall ?? []) as string[];
    expect([first, ...rest].join(' ')).toMatch(line);
  });
});
