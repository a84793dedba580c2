import type { Failing } from './batch.ts';
import { regressionText } from './regression.ts';
import { generate } from './schedule.ts';
import { shrink } from './shrink.ts';
import { type Story, storyOf } from './story.ts';
import { timeline } from './timeline.ts';

/** Everything that there is to say about a failing schedule, shrunk. */
export async function explain({ number, mode, seed }: Failing): Promise<string> {
  const story = await storyOf(await shrink(generate(mode, seed)));
  return [
    '',
    `═══ Schedule ${number} fails ═══`,
    '',
    ...timeline(story),
    '',
    'To play it again, as it was before it was shrunk, and to read all that happened in it:',
    `  npm run simulate -- --mode ${mode} --seed ${seed} --schedules 1 --transcript transcript.txt`,
    '',
    `To keep it, put this into ${fileFor(story)}, and say what it has found:`,
    regression(story),
  ].join('\n');
}

function fileFor({ violations }: Story): string {
  const name = violations[0]?.check ?? 'found';
  return `spec/simulate/regressions/${name.replaceAll(/\W+/g, '-')}.txt`;
}

/** What `regressions.spec.ts` reads. */
function regression({ schedule, violations }: Story): string {
  return regressionText({ found: violations[0]?.text ?? '', schedule });
}
