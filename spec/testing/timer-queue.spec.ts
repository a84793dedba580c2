import { expect, it } from 'vitest';
import { type Timer, TimerQueue } from '../../lib/testing/timer-queue.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';

const task = () => undefined;

it('an empty TimerQueue has no first timer', () => {
  const queue = new TimerQueue();
  expect([queue.size, queue.first, queue.shift()]).toEqual([0, undefined, undefined]);
});

it('a TimerQueue sorts by time, then by insertion, without what is cancelled', () => {
  const luck = new SimulatedClock({ seed: 7 });
  const queue = new TimerQueue();
  let waiting: Timer[] = [];
  // Sorting is stable: timers of the same time stay in the order in which they were added.
  const sorted = () => waiting.toSorted((a, b) => a.dueMs - b.dueMs);
  for (let step = 0; step < 5_000; step += 1) {
    const dice = luck.random();
    if (dice < 0.5) waiting.push(queue.add(Math.floor(luck.random() * 50), task));
    else if (dice < 0.8) {
      const [cancelled] = waiting.splice(Math.floor(luck.random() * waiting.length), 1);
      if (!cancelled) continue;
      queue.cancel(cancelled);
      queue.cancel(cancelled);
    } else {
      const [first] = sorted();
      expect(queue.first).toBe(first);
      expect(queue.shift()).toBe(first);
      waiting = waiting.filter((timer) => timer !== first);
    }
    expect(queue.size).toBe(waiting.length);
  }
  for (const timer of sorted()) expect(queue.shift()).toBe(timer);
  expect(queue.size).toBe(0);
});

it('a TimerQueue does not count a timer twice that is cancelled when it was due', () => {
  const queue = new TimerQueue();
  const due = queue.add(1, task);
  queue.add(2, task);
  expect(queue.shift()).toBe(due);
  queue.cancel(due);
  expect(queue.size).toBe(1);
});
