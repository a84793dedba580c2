// Packs what `npm publish` would send and judges that tarball, not the folder. Needs a build.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'leader-for-life-package-'));
try {
  const [packed] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], 'pipe'),
  );
  const paths = packed.files.map((file) => file.path);
  expectContents(paths);
  const tarball = join(folder, packed.filename);
  run('publint', ['--strict', tarball]);
  // It is an ES module, which CommonJS can `require` on every Node.js that it supports.
  const ignored = ['--ignore-rules', 'cjs-resolves-to-esm'];
  run('attw', [tarball, ...ignored, '--format', 'ascii', '--no-emoji']);
  console.log(`${packed.filename}: ${paths.length} files, ${packed.size} bytes packed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The package is the build and what npm always adds: no sources, specs, settings or maps. */
function expectContents(paths) {
  const needed = ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts'];
  const missing = needed.filter((path) => !paths.includes(path));
  const odd = paths.filter(
    (path) => !needed.includes(path) && !/^dist\/.+\.(js|d\.ts)$/.test(path),
  );
  if (missing.length > 0) throw new Error(`the package lacks ${missing.join(', ')}`);
  if (odd.length > 0) throw new Error(`the package should not have ${odd.join(', ')}`);
}

function run(command, args, stdout = 'inherit') {
  const { status, error, ...result } = spawnSync(command, args, {
    stdio: ['ignore', stdout, 'inherit'],
    encoding: 'utf8',
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} found faults (exit code ${status})`);
  return result.stdout;
}
