import { readFileSync } from 'node:fs';
import os from 'node:os';
import { fileURLToPath } from 'node:url';

/** What the figures depend on. */
export interface Machine {
  readonly date: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  /** Of the last minute: what else the machine has to do spoils the figures. */
  readonly load: number;
}

/** With the versions of what else is measured. */
export function describeMachine(versions: Readonly<Record<string, string>> = {}): Machine {
  return {
    date: new Date().toISOString(),
    versions: {
      'leader-for-life': versionOf(new URL('../../package.json', import.meta.url)),
      'client-node': versionOf(
        new URL('../../node_modules/@kubernetes/client-node/package.json', import.meta.url),
      ),
      'Node.js': process.versions.node,
      ...versions,
    },
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    load: os.loadavg()[0] ?? NaN,
  };
}

export function heading(machine: Machine): string {
  const { date, versions, cpu, cores, memoryGb, system, load } = machine;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    [...names, date].join(', '),
    `${cores} cores (${cpu}), ${memoryGb} GB, ${system}, load ${load.toFixed(1)}`,
  ].join('\n');
}

function versionOf(manifest: URL): string {
  return (JSON.parse(readFileSync(fileURLToPath(manifest), 'utf8')) as { version: string }).version;
}
