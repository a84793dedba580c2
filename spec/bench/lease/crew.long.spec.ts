import { expect, onTestFinished, test } from 'vitest';

import type { Target } from '../arena.ts';
import { startInProcessTarget } from '../in-process-target.ts';
import { Crew, ourProgram } from './crew.ts';

async function inProcess(): Promise<Target> {
  const target = await startInProcessTarget();
  onTestFinished(() => target[Symbol.asyncDispose]());
  return target;
}

test('another elector of a crew leads after the process of its leader was told to end', async () => {
  const crew = await Crew.gather(await inProcess(), ourProgram(), { processes: 2, electors: 2 });
  const old = await crew.settled();
  await crew.succeed('SIGTERM');
  const next = await crew.settled();
  expect(next.pid).not.toBe(old.pid);
  expect(crew.outageMs).toEqual([expect.any(Number)]);
  await crew.end();
}, 300_000);

test('nothing is awaited from a crew after one of its processes has ended by itself', async () => {
  const ending = { name: 'quitter', file: process.execPath, args: ['-e', 'process.exit(3)', '--'] };
  const crew = await Crew.open(await inProcess(), ending);
  await crew.start();
  await expect(crew.settled()).rejects.toThrow('process1 of quitter has ended (3)');
}, 300_000);
