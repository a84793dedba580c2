import type { Failing } from './batch.ts';
import { playgroundLink } from './playground-link.ts';
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
    ...watching(story),
    '',
    `To keep it, put this into ${fileFor(story)}, and say what it has found:`,
    regression(story),
  ].join('\n');
}

/** Where the site is served by `npm run site`. */
const PLAYGROUND = 'http://localhost:5173/playground';

function watching({ schedule }: Story): string[] {
  const link = playgroundLink(schedule);
  if (!link) return ['The playground cannot show it: it plays one mode at a time.'];
  const { fragment, missing } = link;
  return [
    'To watch it, run `npm run site` and open this link. The playground has its own programs, network',
    'and random numbers, so look whether it fails there in the same way:',
    `  ${PLAYGROUND}#${fragment}`,
    ...(missing.length === 0
      ? []
      : ['What it does not show:', ...missing.map((one) => `  - ${one}`)]),
  ];
}

function fileFor({ violations }: Story): string {
  const name = violations[0]?.check ?? 'found';
  return `spec/simulate/regressions/${name.replaceAll(/\W+/g, '-')}.txt`;
}

/** What `regressions.spec.ts` reads. */
function regression({ schedule, violations }: Story): string {
  return regressionText({ found: violations[0]?.text ?? '', schedule });
}
