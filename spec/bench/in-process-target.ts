import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Target } from './arena.ts';

const SERVER = join(import.meta.dirname, 'in-process-server.ts');

/** `leader-for-life/testing` over plain HTTP/1.1, in another process, until it is disposed of. */
export async function startInProcessTarget(): Promise<Target & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-bench-'));
  const server = spawn(process.execPath, [SERVER, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(server, 'exit');
  await Promise.race([once(server.stdout, 'data'), exited]);
  if (server.exitCode !== null) throw new Error('the in-process API server has ended');
  return {
    isModel: true,
    folder,
    kubeconfig: join(folder, 'kubeconfig'),
    auditLog: join(folder, 'audit.log'),
    async [Symbol.asyncDispose]() {
      server.stdin.end();
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}
