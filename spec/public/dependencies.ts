// What the lock file says. Writes it down for readers: node spec/public/dependencies.ts --write
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { root } from './entry-points.ts';

/** A package as the lock file has it. */
export interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly hasInstallScript?: boolean;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Licences that ask for no more than to be named. */
export const permissive: readonly string[] = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Python-2.0',
  'Unlicense',
];

/** By their paths in node_modules. */
export function lockedPackages(): [path: string, locked: Locked][] {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, Locked>> };
  return Object.entries(packages).filter(([path]) => path !== '');
}

/** What users get with this package. */
export function runtimePackages(): [path: string, locked: Locked][] {
  return lockedPackages().filter(([, { dev }]) => dev !== true);
}

export function nameOf(path: string): string {
  return path.replace(/^.*node_modules\//, '');
}

/** docs/dependencies.md, as the lock file has it. */
export function page(): string {
  const runtime = runtimePackages();
  const licences = Map.groupBy(runtime, ([, { license = '' }]) => license);
  const counts = [...licences]
    .toSorted(([a, of], [b, others]) => others.length - of.length || (a < b ? -1 : 1))
    .map(([license, { length }]) => `${license} (${length})`);
  const rows = runtime
    .map(([path, { version = '', license = '' }]) => [nameOf(path), version, license] as const)
    .toSorted(([a, one], [b, other]) => (a === b ? (one < other ? -1 : 1) : a < b ? -1 : 1));
  return `# Dependencies

What comes with leader-for-life when it is installed: ${rows.length} packages, as of its lock file. Your
installation may have other versions within the same ranges. None of them runs a script when it is
installed, and all licences are permissive: ${counts.join(', ')}.

The library itself uses three of them: \`@kubernetes/client-node\`, which brings most of the others, \`p-retry\`
and \`debug\`. Each release on GitHub has this list attached as a bill of materials (CycloneDX).

\`prom-client\`, \`@opentelemetry/api\` and \`node-cron\` are optional peers: a program that uses one of them
passes objects of it to the library, which never loads it.

${table([['package', 'version', 'licence'], ...rows])}`;
}

/** A table as prettier aligns it. */
function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, i) =>
    Math.max(...[head, ...rows].map((row) => (row[i] ?? '').length)),
  );
  const line = (row: readonly string[], fill = ' ') =>
    `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0, fill)).join(' | ')} |\n`;
  const rule = line(
    head.map(() => ''),
    '-',
  );
  return [line(head), rule, ...rows.map((row) => line(row))].join('');
}

if (process.argv.includes('--write')) writeFileSync(join(root, 'docs/dependencies.md'), page());
