import { type Check, check } from './checks.ts';
import { Deployment } from './deployment.ts';
import { Journal, Surprise } from './journal.ts';
import { type Line, Screen, piece } from './screen.ts';
import { Stage } from './stage.ts';
import { tenures } from './tenures.ts';
import { timeline } from './timeline.ts';

/** Less than the 20 s that the demo may take, and several times what it takes. */
const LIMIT_MS = 18_000;

/** Acts, and the program that each replica runs in them. */
export interface Play {
  readonly app: URL;
  perform(stage: Stage): Promise<void>;
}

/** Performs a play, prints it, and judges it. Resolves with whether all was as it should be. */
export async function show(play: Play): Promise<boolean> {
  const screen = new Screen(process.stdout);
  const journal = new Journal(LIMIT_MS);
  const deployment = await Deployment.create(play.app, journal);
  try {
    screen.print(...greeting());
    const stage = new Stage(deployment, journal, screen);
    const surprise = await surpriseOf(play.perform(stage));
    const { acts } = stage;
    const { entries, terms } = journal;
    const endMs = deployment.nowMs;
    const checks = [
      ...check(acts, entries),
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

function greeting(): Line[] {
  return [
    [piece('leader-for-life', 'title'), piece(': of several replicas exactly one leads.')],
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
