import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Report } from './report.ts';

interface Package {
  readonly size: number;
  readonly unpackedSize: number;
  readonly entryCount: number;
}

/** What `npm publish` would send. */
export async function measureSize(): Promise<Report> {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = await promisify(execFile)('npm', args, {
    cwd: join(import.meta.dirname, '../..'),
    shell: process.platform === 'win32',
  });
  const [found] = JSON.parse(stdout) as readonly Package[];
  if (!found) throw new Error('npm pack told of no package');
  const { size, unpackedSize, entryCount } = found;
  return {
    title: 'The package',
    notes: [],
    table: [
      ['', 'size'],
      ['packed', kilobytes(size)],
      ['unpacked', kilobytes(unpackedSize)],
      ['files', `${entryCount}`],
    ],
    data: { size, unpackedSize, entryCount },
  };
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`;
}
