import type { Check } from './checks.ts';
import { type App, Deployment } from './deployment.ts';
import { type Entry, Journal, Surprise } from './journal.ts';
import { type Line, Screen, piece } from './screen.ts';
import { type Act, Stage } from './stage.ts';
import { tenures } from './tenures.ts';
import { timeline } from './timeline.ts';

/** Acts, and the program that each replica runs in them. */
export interface Play extends App {
  /** What the library does, in half a sentence. */
  readonly motto: string;
  /** Several times what it takes. */
  readonly limitMs: number;
  check(acts: readonly Act[], entries: readonly Entry[], deployment: Deployment): Check[];
  perform(stage: Stage): Promise<void>;
}

/** Performs a play, prints it, and judges it. Resolves with whether all was as it should be. */
export async function show(play: Play): Promise<boolean> {
  const screen = new Screen(process.stdout);
  const journal = new Journal(play.limitMs);
  const deployment = await Deployment.create(play, journal);
  try {
    screen.print(...greeting(play));
    const stage = new Stage(deployment, journal, screen);
    const surprise = await surpriseOf(play.perform(stage));
    const { acts } = stage;
    const { entries, terms } = journal;
    const endMs = deployment.nowMs;
    const checks = [
      ...play.check(acts, entries, deployment),
      { claim: 'the play came to its end', problems: surprise },
    ];
    screen.print([], ...timeline(entries, acts, endMs), []);
    screen.print(...tenures(terms, acts, endMs), [], ...checks.flatMap(verdict));
    return checks.every(({ problems }) => problems.length === 0);
  } finally {
    journal.close();
    await deployment.close();
  }
}

function greeting({ motto }: Play): Line[] {
  return [
    [piece('leader-for-life', 'title'), piece(`: ${motto}`)],
    [piece('Each is a process of its own; the Kubernetes API is played by this one.', 'aside')],
    [],
  ];
}

async function surpriseOf(performance: Promise<void>): Promise<string[]> {
  try {
    await performance;
    return [];
  } catch (error) {
    if (error instanceof Surprise) return [error.message];
    throw error;
  }
}

function verdict({ claim, problems }: Check): Line[] {
  if (problems.length === 0) return [[piece('  ✓ ', 'good'), piece(claim)]];
  return [
    [piece('  ✗ ', 'bad'), piece(`not so: ${claim}`, 'bad')],
    ...problems.map((problem) => [piece(`      ${problem}`)]),
  ];
}
