import type { Check } from './checks.ts';
import { type App, Deployment } from './deployment.ts';
import { type Line, piece, textOf } from '../../lib/cli/demo/screen.ts';
import { timeline } from '../../lib/cli/demo/timeline.ts';
import { type Act, Stage, marksOf } from './stage.ts';
import { tenures } from './tenures.ts';

/** Acts, and the program that each replica runs in them. */
export interface Play extends App {
  /** What the library does, in half a sentence. */
  readonly motto: string;
  check(acts: readonly Act[], deployment: Deployment): Check[];
  perform(stage: Stage): Promise<void>;
}

/** Performs a play, prints it, and judges it. Resolves with whether all was as it should be. */
export async function show(play: Play): Promise<boolean> {
  const { stdout } = process;
  const print = (...lines: readonly Line[]) => void stdout.write(textOf(lines, stdout));
  const deployment = await Deployment.create(play);
  try {
    print(...greeting(play));
    const stage = new Stage(deployment, print);
    const problems = await play.perform(stage).then(
      () => [],
      (error: unknown) => [error instanceof Error ? error.message : String(error)],
    );
    const { acts } = stage;
    const { entries, terms, nowMs } = deployment;
    const checks = [
      ...play.check(acts, deployment),
      { claim: 'the play came to its end', problems },
    ];
    print([], ...timeline(entries, marksOf(acts), nowMs), []);
    print(...tenures(terms, acts, nowMs), [], ...checks.flatMap(verdict));
    return checks.every((check) => check.problems.length === 0);
  } finally {
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

function verdict({ claim, problems }: Check): Line[] {
  if (problems.length === 0) return [[piece('  ✓ ', 'good'), piece(claim)]];
  return [
    [piece('  ✗ ', 'bad'), piece(`not so: ${claim}`, 'bad')],
    ...problems.map((problem) => [piece(`      ${problem}`)]),
  ];
}
