import type { Failing } from './batch.ts';
import { generate } from './schedule.ts';
import { shrink } from './shrink.ts';
import { storyOf } from './story.ts';
import { timeline } from './timeline.ts';

/** Everything that there is to say about a failing schedule, shrunk. */
export async function explain({ number, mode, seed }: Failing): Promise<string> {
  const shrunk = await shrink(generate(mode, seed));
  const command = `npm run simulate -- --mode ${mode} --seed ${seed} --schedules 1`;
  return [
    '',
    `Schedule ${number} fails. It can be played again, as it was before it was shrunk, with`,
    `  ${command}`,
    '',
    ...timeline(await storyOf(shrunk)),
    '',
    'To keep it, put this into spec/simulate/regressions, with what it has found:',
    JSON.stringify({ found: '', schedule: shrunk }),
  ].join('\n');
}
