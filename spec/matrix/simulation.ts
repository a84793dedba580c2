import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../public/entry-points.ts';
import { type Mode, modes } from '../simulate/mode.ts';
import type { NodeBinary } from './nodes.ts';
import { run } from './process.ts';

export const simulated = modes;

/** Few, for each starts a process; what differs between engines differs in nearly all. */
const SEEDS = [1, 2, 3, 4, 5];

/** The same schedule has the same transcript, to the byte, whatever version of Node plays it. */
export async function simulatesAlike(
  folder: string,
  mode: Mode,
  binaries: readonly NodeBinary[],
): Promise<void> {
  for (const seed of SEEDS) {
    let first: string | undefined;
    for (const { version, path } of binaries) {
      const file = join(folder, `transcript-${mode}-${seed}-${version}`);
      const args = ['--mode', mode, '--seed', String(seed), '--schedules', '1'];
      const command = ['spec/simulate/simulate.ts', ...args, '--transcript', file];
      await run(path, command, { cwd: root, timeoutMs: 120_000 });
      const transcript = readFileSync(file, 'utf8');
      first ??= transcript;
      assert.equal(transcript, first, `Node ${version} plays seed ${seed} differently`);
    }
  }
}
