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

describe('a log', () => {
  it('is silent unless somebody wants to read it', () => {
    createLog('spec')('hello');
    createDebug.enable('leader-for-life:other');
    createLog('spec')('hello');
    expect(written).not.toHaveBeenCalled();
  });

  it('writes in a namespace of its own', () => {
    createDebug.enable('leader-for-life:spec');
    createLog('spec')('hello');
    expect(written).toHaveBeenCalledOnce();
    expect(written.mock.lastCall?.join(' ')).toMatch(/leader-for-life:spec.* hello/);
  });

  it('can be turned on later', () => {
    const log = createLog('spec');
    createDebug.enable('leader-for-life:*');
    log('hello');
    expect(written).toHaveBeenCalledOnce();
  });

  it.each(['100 %d %s %o %j %%', '%'])('takes %j for what it is', (message) => {
    createDebug.enable('leader-for-life:spec');
    createLog('spec')(message);
    expect(format()).toContain(message);
  });

  it('lets nobody write lines of their own', () => {
    createDebug.enable('leader-for-life:spec');
    createLog('spec')('one\ntwo');
    expect(format()).toContain('one two');
  });
});

/** What was last written, as `util.format` makes it of the arguments that debug hands on. */
function format(): string {
  const [first, ...rest] = (written.mock.lastCall ?? []) as string[];
  return [first, ...rest].join(' ');
}
