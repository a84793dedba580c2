// Builds what a release has besides the package: node .config/executable.js [FOLDER], release/ by default.
// An executable such as leader-for-life-linux-amd64 has this Node.js in it (26 needs libatomic, which slim
// images lack); leader-for-life.mjs is for the image, without client-node: a Pod has a service account.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inject } from 'postject';
import { rolldown } from 'rolldown';

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const root = join(import.meta.dirname, '..');
const folder = resolve(process.argv[2] ?? join(root, 'release'));
const inFolder = (name) => join(folder, name);
const { platform, arch } = process;
const executable = inFolder(`leader-for-life-${platform}-${arch === 'x64' ? 'amd64' : arch}`);
const [main, blob, config] = ['cli.cjs', 'blob', 'sea.json'].map(inFolder);

mkdirSync(folder, { recursive: true });
await bundle(inFolder('leader-for-life.mjs'), 'esm', ['@kubernetes/client-node']);
await bundle(main, 'cjs', []);
const options = { disableExperimentalSEAWarning: true, useCodeCache: true };
// NODE_OPTIONS are for the command that it runs.
const settings = { main, output: blob, execArgvExtension: 'none', ...options };
writeFileSync(config, JSON.stringify(settings));
const args = ['--experimental-sea-config', config];
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
if (status !== 0) process.exit(1);
copyFileSync(process.execPath, executable);
await inject(executable, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: FUSE });
chmodSync(executable, 0o755);
for (const file of [main, blob, config]) rmSync(file);

/** The command line in one file, with what it uses but for `external`. */
async function bundle(file, format, external) {
  const made = await rolldown({
    cwd: root,
    input: 'lib/cli/bin.ts',
    platform: 'node',
    external,
    onLog: (level, { message }) => {
      if (level !== 'debug' && level !== 'info') throw new Error(message);
    },
  });
  await made.write({ file, format, codeSplitting: false, minify: true });
  await made.close();
  chmodSync(file, 0o755);
}
