/** `npm run fuzz -- [--minutes N] [--seed N]`: what `npm run test:long` tries, with fresh seeds, for so long. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0))
  throw new TypeError(`--minutes must be a number above 0, not ${values.minutes}`);

const { seed: given } = values;
if (given !== undefined && !/^\d{1,10}$/.test(given))
  throw new TypeError(`--seed must be a whole number, not ${given}`);

/** Times as much in a round as in `npm run test:long`. What a short round tries is the beginning of a long one. */
const factor = process.env['FUZZ_RUNS'] ?? (given === undefined && minutes < 5 ? '1' : '5');

const endMs = performance.now() + minutes * 60_000;
const specs = [
  ...['answers', 'bytes', 'options', 'environment', 'kubeconfig', 'testing'].map(
    (name) => `spec/fuzz/${name}`,
  ),
  ...['spec/protocol', 'spec/testing/store'],
];
let rounds = 0;
let failures = 0;
do {
  const seed = given ?? String(randomInt(2 ** 31));
  console.log(`round ${rounds + 1}, seed ${seed}`);
  const options = ['--config', '.config/vitest.all.config.js', '--reporter=dot'];
  const env = { ...process.env, FUZZ_SEED: seed, FUZZ_RUNS: factor };
  const { status } = spawnSync('npx', ['vitest', 'run', ...options, ...specs], {
    stdio: 'inherit',
    env,
  });
  rounds += 1;
  if (status !== 0) {
    failures += 1;
    console.log(`to try the same again: npm run fuzz -- --seed ${seed}`);
  }
} while (failures === 0 && given === undefined && performance.now() < endMs);

console.log(`${rounds} rounds, ${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
