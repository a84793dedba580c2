/** `npm run fuzz -- [--minutes N] [--seed N]`: what `npm test` tries, with fresh seeds, for so long. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0))
  throw new TypeError(`--minutes must be a number above 0, not ${values.minutes}`);

const endMs = performance.now() + minutes * 60_000;
const specs = ['answers', 'bytes', 'options', 'environment', 'kubeconfig', 'testing'].map(
  (name) => `spec/fuzz/${name}`,
);
let rounds = 0;
let failures = 0;
do {
  const seed = values.seed ?? String(randomInt(2 ** 31));
  console.log(`round ${rounds + 1}, seed ${seed}`);
  const args = [
    'vitest',
    'run',
    '--config',
    '.config/vitest.config.js',
    '--reporter=dot',
    ...specs,
  ];
  const env = { ...process.env, FUZZ_SEED: seed, FUZZ_RUNS: process.env['FUZZ_RUNS'] ?? '5' };
  const { status } = spawnSync('npx', args, { stdio: 'inherit', env });
  rounds += 1;
  if (status !== 0) failures += 1;
} while (failures === 0 && values.seed === undefined && performance.now() < endMs);

console.log(`${rounds} rounds, ${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
