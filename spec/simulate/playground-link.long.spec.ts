import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { Copies } from './mutants/copy.ts';
import { mutants } from './mutants/mutant.ts';

const copies = new Copies();
afterAll(() => copies.remove());

/** Finds a violation, and opens its link in the playground of the same checkout. */
const program = `
  import { parseRegression } from './spec/simulate/regression.ts';
  import { play } from './spec/simulate/play.ts';
  import { playgroundLink } from './spec/simulate/playground-link.ts';
  import { Show } from './site/playground/show.ts';
  import { verdictOf } from './site/playground/verdict.ts';

  const { schedule } = parseRegression([
    '',
    'life 7 {"troubleMs":10000}',
    'life life life',
    ...[0, 1, 2].map((slot) => \`0 start {"slot":\${slot}}\`),
    '1000 cut off {"slot":"leader","cut":"both","forMs":5000}',
    '1500 delete {"slot":"leader","cascade":"foreground","lastMs":2000,"goneMs":0,"phase":"Failed"}',
  ].join('\\n'));
  const { violations } = await play(schedule);
  const show = await Show.open(playgroundLink(schedule).fragment);
  await show.advance(schedule.setting.troubleMs);
  const [found] = violations.map(({ check }) => check);
  console.log(JSON.stringify({ found, verdict: verdictOf(show.worlds[0]) }));
`;

async function played(folder: string): Promise<unknown> {
  const args = ['--input-type=module-typescript', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

it('a seeded defect that fails in the simulator fails in the playground', async () => {
  const defect = mutants.find(({ name }) => name === 'foreground-forgotten');
  if (!defect) throw new Error('there is no such defect');
  expect(await played(copies.mutated(defect))).toMatchObject({
    found: 'LIFE-1: one leader',
    verdict: { holds: false, text: expect.stringMatching(/^pod-\d and pod-\d led together/) },
  });
  expect(await played(join(import.meta.dirname, '../..'))).toMatchObject({
    verdict: { holds: true },
  });
}, 60_000);
