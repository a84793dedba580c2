import { expect } from 'vitest';
import { Simulation } from './simulation.ts';

/** A simulation in which each Pod that begins to lead is noted. */
export async function fleet(labels: Record<string, string> = { app: 'x' }) {
  const simulation = await Simulation.create();
  const { clock, cluster } = simulation;
  for (const name of ['a', 'b', 'c', 'd']) cluster.createPod(name, { labels });
  const led: string[] = [];
  const note = (attempt: Promise<{ readonly podName: string }>) => {
    attempt.then(
      ({ podName }) => led.push(podName),
      () => undefined,
    );
    return attempt;
  };
  /** A process that waits. */
  const follow = async (name: string) => {
    const process = simulation.process(name);
    void note(process.become());
    await clock.advance(1_000);
    return process;
  };
  /** The lock names this Pod, and for a minute no one leads. */
  const expectHeld = async (name: string) => {
    await clock.runUntil(() => simulation.holder === name);
    await clock.advance(60_000);
    expect([simulation.holder, led]).toEqual([name, []]);
  };
  /** Once the last Pod that may run has ended, this one leads. */
  const expectLed = async (name: string) => {
    await clock.runUntil(() => led.length > 0, 5 * 60_000);
    expect(led).toEqual([name]);
  };
  return { simulation, clock, cluster, note, follow, expectHeld, expectLed, led };
}
