/**
 * `npm run models`: has Spin walk through every order of events in the models of `docs/models/`, and
 * makes sure that it refutes their wrong versions. Needs `spin` and `gcc`.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Report } from '../matrix/report.ts';
import { type Verdict, verdictOf } from './verdict.ts';

const run = promisify(execFile);

/** Far more than any of them needs on a machine that is busy with other things. */
const TIMEOUT_MS = 20 * 60_000;

interface Model {
  readonly file: string;
  readonly wrong: readonly string[];
}

const models: readonly Model[] = [
  {
    file: 'for-life.pml',
    wrong: [
      'NO_PRECONDITION',
      'NAME_FOR_UID',
      'TERMINATING_IS_OVER',
      'PHASE_IS_ENOUGH',
      'REWRITE',
      'NO_RECLAIM',
    ],
  },
  {
    file: 'lease.pml',
    wrong: [
      'NO_PRECONDITION',
      'NO_LOCAL_EXPIRY',
      'FROM_THE_ANSWER',
      'LATE_ANSWER',
      'SHORT_EXPIRY',
      'BY_RENEW_TIME',
      'RELEASE_UNCHECKED',
      'CREATE_AT_ONCE',
      'MINE_IS_MINE',
    ],
  },
];

const report = new Report();
const folder = mkdtempSync(join(tmpdir(), 'leader-for-life-models-'));
try {
  await Promise.all(['spin', 'gcc'].map(available));
  for (const { file, wrong } of models) {
    await report.test(`${file}: holds`, async () => {
      const { errors, states } = await check(file, []);
      if (errors > 0) throw new Error(`Spin found ${errors} error(s) among ${states} states`);
      console.log(`  ${states.toLocaleString('en')} states`);
    });
    for (const define of wrong) {
      await report.test(`${file} with ${define}: is refuted`, async () => {
        const { errors, states } = await check(file, [define]);
        if (errors === 0) throw new Error(`Spin found nothing among ${states} states`);
      });
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
mkdirSync('reports', { recursive: true });
writeFileSync('reports/models.json', JSON.stringify(report));
console.log(`${report.numPassedTests} passed, ${report.numFailedTests} failed`);
if (report.numFailedTests > 0) process.exitCode = 1;

/** Translates the model to C, compiles that, and runs it. */
async function check(file: string, defines: readonly string[]): Promise<Verdict> {
  const cwd = mkdtempSync(join(folder, 'model-'));
  const model = join(process.cwd(), 'docs/models', file);
  const options = { cwd, timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 };
  await run('spin', ['-a', ...defines.map((name) => `-D${name}`), model], options);
  await run('gcc', ['-O2', '-w', '-DSAFETY', '-DCOLLAPSE', '-o', 'pan', 'pan.c'], options);
  // -E: that all wait is no error; what has to hold then is asserted.
  const { stdout } = await run('./pan', ['-E', '-m2000000'], options);
  return verdictOf(stdout);
}

async function available(program: string): Promise<void> {
  try {
    await run(program, ['--version']);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') return;
    throw new Error(`${program} is not there. On Debian: apt-get install spin gcc`);
  }
}
