// Audits the workflows with zizmor, from PyPI and pinned by hashes. Where Python is missing it says so
// and checks nothing, but in CI that is a failure.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const requirements = '.config/requirements.txt';
const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
const folder = join('node_modules', '.cache', `zizmor-${version}`);
const zizmor = join(folder, 'bin', 'zizmor');

const failure = existsSync(zizmor) ? undefined : install();
if (failure === undefined) audit();
else giveUp(failure);

/** Why it could not be installed, if so. */
function install() {
  const { status, error } = run('python3', ['-m', 'pip', '--version'], 'ignore');
  if (error || status !== 0) return 'there is no python3 with pip';
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
  const what = ['--require-hashes', '--requirement', requirements, '--target', folder];
  const installed = run('python3', ['-m', 'pip', 'install', ...options, ...what], 'inherit');
  if (installed.status === 0) return undefined;
  rmSync(folder, { recursive: true, force: true });
  return 'pip could not install it';
}

function audit() {
  // Offline: the audits that ask GitHub need a token, and what they say changes from day to day.
  const { status } = run(zizmor, ['--offline', '--persona=pedantic', '.github'], 'inherit');
  process.exitCode = status ?? 1;
}

function giveUp(reason) {
  console.error(`zizmor: NOT CHECKED: ${reason}`);
  if (process.env.CI) process.exitCode = 1;
}

function run(command, args, stdio) {
  return spawnSync(command, args, { stdio: ['ignore', stdio, stdio] });
}
