import { describe, expect, it } from 'vitest';
import { type Timer, TimerQueue } from '../../lib/testing/timer-queue.ts';
import { SimulatedClock } from '../../lib/testing/index.ts';

const task = () => undefined;

describe('a queue of timers', () => {
  it('is empty at first', () => {
    const queue = new TimerQueue();
    expect([queue.size, queue.first, queue.shift()]).toEqual([0, undefined, undefined]);
  });

  it('gives them in the order of their times, and of their setting, without those cancelled', () => {
    const luck = new SimulatedClock({ seed: 7 });
    const queue = new TimerQueue();
    let waiting: Timer[] = [];
    for (let step = 0; step < 5_000; step += 1) {
      const dice = luck.random();
      if (dice < 0.5) waiting.push(queue.add(Math.floor(luck.random() * 50), task));
      else if (dice < 0.8) {
        const [cancelled] = waiting.splice(Math.floor(luck.random() * waiting.length), 1);
        if (!cancelled) continue;
        queue.cancel(cancelled);
        queue.cancel(cancelled);
      } else {
        // Sorting is stable: those of the same time stay in the order in which they were added.
        const [first] = waiting.toSorted((a, b) => a.dueMs - b.dueMs);
        expect(queue.first).toBe(first);
        expect(queue.shift()).toBe(first);
        waiting = waiting.filter((timer) => timer !== first);
      }
      expect(queue.size).toBe(waiting.length);
    }
    for (const timer of waiting.toSorted((a, b) => a.dueMs - b.dueMs)) {
      expect(queue.shift()).toBe(timer);
    }
    expect(queue.size).toBe(0);
  });

  it('does not count one twice that is cancelled after it was due', () => {
    const queue = new TimerQueue();
    const due = queue.add(1, task);
    queue.add(2, task);
    expect(queue.shift()).toBe(due);
    queue.cancel(due);
    expect(queue.size).toBe(1);
  });
});
