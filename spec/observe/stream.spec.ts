import { getEventListeners } from 'node:events';

import { describe, expect, test } from 'vitest';

import { type Producer, streamOf } from '../../lib/observe/stream.ts';
import { settled } from '../support/manual-clock.ts';

/** A producer that is told what to tell. */
class Source {
  readonly runs: {
    readonly tell: (value: number) => void;
    readonly signal: AbortSignal;
    readonly end: PromiseWithResolvers<undefined>;
  }[] = [];
  /** How many runs have ended. */
  ended = 0;

  readonly produce: Producer<number> = async (tell, signal) => {
    const end = Promise.withResolvers<undefined>();
    signal.addEventListener('abort', () => {
      end.resolve(undefined);
    });
    this.runs.push({ tell, signal, end });
    await end.promise;
    await settled();
    this.ended += 1;
  };

  get run() {
    const run = this.runs.at(-1);
    if (!run) throw new Error('it does not run');
    return run;
  }
}

function stream(signal?: AbortSignal) {
  const source = new Source();
  const stop = new AbortController();
  const iterable = streamOf(source.produce, signal ?? stop.signal);
  return { source, stop, iterable, iterator: iterable[Symbol.asyncIterator]() };
}

const done = { done: true, value: undefined };

describe('a stream', () => {
  test('tells what was told, in order', async () => {
    const { source, iterator } = stream();
    const first = iterator.next();
    source.run.tell(1);
    source.run.tell(2);
    expect(await first).toEqual({ done: false, value: 1 });
    expect(await iterator.next()).toEqual({ done: false, value: 2 });
  });

  test('serves several readers in their order', async () => {
    const { source, iterator } = stream();
    const reads = [iterator.next(), iterator.next(), iterator.next()];
    source.run.tell(1);
    source.run.tell(2);
    source.run.end.resolve(undefined);
    expect(await Promise.all(reads)).toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
      done,
    ]);
  });

  test('begins with the first read, for each loop anew', async () => {
    const { source, iterable, iterator } = stream();
    await settled();
    expect(source.runs).toHaveLength(0);
    void iterator.next();
    void iterator.next();
    void iterable[Symbol.asyncIterator]().next();
    expect(source.runs).toHaveLength(2);
  });

  test('ends with its producer, after what that told', async () => {
    const { source, iterator } = stream();
    const first = iterator.next();
    source.run.tell(1);
    source.run.tell(2);
    source.run.end.resolve(undefined);
    await settled();
    expect((await first).value).toBe(1);
    expect((await iterator.next()).value).toBe(2);
    expect(await iterator.next()).toEqual(done);
    expect(await iterator.next()).toEqual(done);
  });

  test("throws its producer's error once, after what that told", async () => {
    const { source, iterator } = stream();
    const first = iterator.next();
    source.run.tell(1);
    source.run.end.reject(new Error('broken'));
    await settled();
    expect((await first).value).toBe(1);
    await expect(iterator.next()).rejects.toThrow('broken');
    expect(await iterator.next()).toEqual(done);
  });

  test('throws what keeps its producer from beginning', async () => {
    const produce = () => Promise.reject(new TypeError('no'));
    const iterator = streamOf(produce, undefined)[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toThrow('no');
    expect(await iterator.next()).toEqual(done);
  });

  test('keeps the latest hundred of what nobody reads', async () => {
    const { source, iterator } = stream();
    const first = iterator.next();
    for (let value = 0; value <= 150; value += 1) source.run.tell(value);
    source.run.end.resolve(undefined);
    await settled();
    const values = [(await first).value];
    for (let read = await iterator.next(); !read.done; read = await iterator.next()) {
      values.push(read.value);
    }
    expect(values).toEqual([0, ...Array.from({ length: 100 }, (_, index) => 51 + index)]);
  });
});

describe('a stream that is left', () => {
  test('stops its producer, and waits until that has cleaned up', async () => {
    const { source, iterable } = stream();
    const loop = (async () => {
      for await (const value of iterable) {
        expect(value).toBe(7);
        break;
      }
    })();
    source.run.tell(7);
    await loop;
    expect(source.run.signal.aborted).toBe(true);
    expect(source.ended).toBe(1);
  });

  test('ends reads that wait, and tells nothing more', async () => {
    const { source, iterator } = stream();
    const read = iterator.next();
    await iterator.return?.();
    source.run.tell(1);
    expect(await read).toEqual(done);
    expect(await iterator.next()).toEqual(done);
  });

  test('before it began never begins', async () => {
    const { source, iterator } = stream();
    await iterator.return?.();
    expect(await iterator.next()).toEqual(done);
    expect(source.runs).toHaveLength(0);
  });

  test('does not fail by what its producer makes of that', async () => {
    const produce = (_: unknown, signal: AbortSignal) =>
      new Promise<void>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('aborted'));
        });
      });
    const iterator = streamOf(produce, undefined)[Symbol.asyncIterator]();
    const read = iterator.next();
    expect(await iterator.return?.()).toEqual(done);
    expect(await read).toEqual(done);
  });
});

describe('a signal that aborts', () => {
  test('ends the stream at once, without what is not read yet', async () => {
    const { source, stop, iterator } = stream();
    const first = iterator.next();
    source.run.tell(1);
    source.run.tell(2);
    stop.abort(new Error('enough'));
    expect((await first).value).toBe(1);
    expect(await iterator.next()).toEqual(done);
    expect(source.run.signal.aborted).toBe(true);
  });

  test('ends a read that waits', async () => {
    const { stop, iterator } = stream();
    const read = iterator.next();
    stop.abort(new Error('enough'));
    expect(await read).toEqual(done);
  });

  test('beforehand lets nothing begin', async () => {
    const { source, iterator } = stream(AbortSignal.abort());
    expect(await iterator.next()).toEqual(done);
    expect(source.runs).toHaveLength(0);
  });

  test('is not listened to any longer than the stream lasts', async () => {
    const { stop, iterator } = stream();
    void iterator.next();
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
    await iterator.return?.();
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
  });
});
