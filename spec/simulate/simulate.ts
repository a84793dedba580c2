/** `npm run simulate`: see `docs/simulation.md`. */
import { play } from './play.ts';
import { generate, seedOf } from './schedule.ts';
import { parseArgs } from 'node:util';
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    schedules: { type: 'string' },
    mode: { type: 'string' },
    first: { type: 'boolean' },
  },
});
const seed = Number(values.seed ?? 1);
const mode = (values.mode ?? 'life') as 'life';
let violations = 0;
const started = process.cpuUsage();
const count = Number(values.schedules ?? 100);
for (let index = 0; index < count; index += 1) {
  const { violations: found, transcript } = await play(generate(mode, seedOf(seed, mode, index)));
  violations += found.length;
  if (count === 1) console.log(transcript.join('\n'));
  if (found[0] && values.first) {
    console.log(
      `violation in schedule ${index} (seed ${seedOf(seed, mode, index)}, mode ${mode}): ${found[0].text}`,
    );
    break;
  }
}
const { user, system } = process.cpuUsage(started);
console.log(
  `${count} schedules, ${violations} violations, ${Math.round((count / (user + system)) * 60e6)}/min`,
);
if (violations > 0) process.exitCode = 1;
