import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { until } from './connections.ts';

/** Credential plugins, as kubeConfigs name them in `exec`, and what they have done. */
export class PluginFolder implements Disposable {
  readonly #path = mkdtempSync(join(tmpdir(), 'leader-for-life-plugins-'));
  readonly tokenFile = join(this.#path, 'token');
  #tokens = 0;

  constructor() {
    this.next();
  }

  /** Gives the current token each time, with the expiry of its variable EXPIRY, if there is one. */
  readonly exec = this.#plugin(
    'plugin.cjs',
    `const token = require('fs').readFileSync(${JSON.stringify(this.tokenFile)}, 'utf8');
     const status = { token, expirationTimestamp: process.env.EXPIRY };
     require('fs').appendFileSync(${JSON.stringify(join(this.#path, 'pids'))}, process.pid + '\\n');
     console.log(JSON.stringify({ kind: 'ExecCredential', status }));`,
  );

  /** Never comes to an end. */
  readonly hanging = this.#plugin(
    'hanging.cjs',
    `process.on('SIGTERM', () => {});
     require('fs').appendFileSync(${JSON.stringify(join(this.#path, 'pids'))}, process.pid + '\\n');
     setInterval(() => {}, 1000);`,
  );

  /** From now on there is another token. */
  next(): string {
    this.#tokens += 1;
    writeFileSync(this.tokenFile, `token-${this.#tokens}`);
    return `token-${this.#tokens}`;
  }

  /** Of the plugins that were started, once there are so many. */
  async pids(count: number): Promise<number[]> {
    await until(() => this.started.length >= count);
    return this.started;
  }

  /** The process IDs of the plugins that were started. */
  get started(): number[] {
    try {
      const lines = readFileSync(join(this.#path, 'pids'), 'utf8').split('\n');
      return lines.slice(0, -1).map(Number);
    } catch {
      return [];
    }
  }

  [Symbol.dispose](): void {
    for (const pid of this.started) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    rmSync(this.#path, { recursive: true, force: true });
  }

  #plugin(name: string, program: string) {
    const path = join(this.#path, name);
    writeFileSync(path, program);
    return { command: process.execPath, args: [path] };
  }
}

export function isAlive(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
