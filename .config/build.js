// Builds the package: node .config/build.js [FOLDER], dist/ by default. Types are file by file, the code is
// in a few files: each file that a process loads costs it 0.15 MB and time, and the library has a hundred.
import { spawnSync } from 'node:child_process';
import { chmodSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const folder = resolve(process.argv[2] ?? join(root, 'dist'));

rmSync(folder, { recursive: true, force: true });
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const project = join(root, '.config', 'tsconfig.build.json');
const args = [tsc, '-p', project, '--outDir', folder];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
if (status !== 0) process.exit(1);

const bundle = await rolldown({
  cwd: root,
  input: {
    index: 'lib/index.ts',
    cli: 'lib/cli/bin.ts',
    'testing/index': 'lib/testing/index.ts',
    'schedulers/node-cron': 'lib/schedulers/node-cron.ts',
    'telemetry/opentelemetry': 'lib/telemetry/opentelemetry.ts',
    'telemetry/prometheus': 'lib/telemetry/prometheus.ts',
  },
  platform: 'node',
  external: (id) => !/^[./]|^lib\//.test(id),
  onLog: (level, { message }) => {
    if (level !== 'debug' && level !== 'info') throw new Error(message);
  },
});
const { output } = await bundle.write({
  dir: folder,
  chunkFileNames: 'chunks/[name].js',
  comments: false,
  // What the entries share with the main one is one file, which a program has loaded anyway; the testing
  // tools, which the demo uses too, are not part of it.
  codeSplitting: {
    groups: [{ name: 'core', test: /lib[/](?!telemetry|cli|testing)/, minShareCount: 2 }],
  },
});
await bundle.close();
// One other character, and V8 keeps twice the bytes of a file that each program loads.
const core = output.find(({ name }) => name === 'core');
if (/\P{ASCII}/u.test(core?.code ?? '\u2026')) throw new Error('write other characters as \\u2026');
// npm does this for users; a checkout has no npm in between.
chmodSync(join(folder, 'cli.js'), 0o755);
