import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from './progress.ts';

const RETRY_MS = 200;

/**
 * withLock runs `work` while no other process of this machine runs work under the same key.
 * It waits for as long as another one does.
 */
export async function withLock<T>(key: string, report: Report, work: () => Promise<T>): Promise<T> {
  const server = await acquire(key, report);
  try {
    return await work();
  } finally {
    server.close();
    await once(server, 'close');
  }
}

// An abstract socket goes away with its process, however that ends: no lock is ever stale.
async function acquire(key: string, report: Report): Promise<Server> {
  const digest = createHash('sha256').update(key).digest('hex');
  const path = `\0leader-for-life/${digest}`;
  for (let waits = 0; ; waits += 1) {
    const server = createServer();
    try {
      server.listen({ path, exclusive: true });
      await once(server, 'listening');
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
    if (waits === 0) report(`another process works on ${key}: waiting for it`);
    await sleep(RETRY_MS);
  }
}
