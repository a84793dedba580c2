import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';

const LOWEST = 10_240;
const TRIES = 1000;

/**
 * freePorts finds `count` different free ports of 127.0.0.1, none of them in the range from which
 * the kernel takes the ports of outgoing connections: a client that knocks at a stopped server's
 * port could else be given that very port, and the server could not start again.
 */
export async function freePorts(count: number): Promise<number[]> {
  const end = await ephemeralStart();
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries === TRIES) throw new Error(`no ${count} free ports from ${LOWEST} to ${end - 1}`);
    const port = randomInt(LOWEST, end);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

async function ephemeralStart(): Promise<number> {
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const start = Number(range.trim().split(/\s+/)[0]);
  // A machine may have given nearly all its ports to outgoing connections.
  return start > LOWEST + TRIES ? start : 65_536;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
