import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Target } from './arena.ts';

const SERVER = join(import.meta.dirname, 'in-process-server.ts');

/**
 * `leader-for-life/testing` in another process, until it is disposed of: over plain HTTP/1.1 with an
 * audit log, or over HTTP/2 and TLS without one, which takes less of the machine.
 */
export async function startInProcessTarget(
  protocol: 'http' | 'h2' = 'http',
): Promise<Target & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-bench-'));
  const server = spawn(process.execPath, [SERVER, folder, protocol], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
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
