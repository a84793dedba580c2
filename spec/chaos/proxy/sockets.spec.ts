import { once } from 'node:events';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { reset } from './sockets.ts';

test.for(['at once', 'while its end is under way'])('a reset closes a socket: %s', async (when) => {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as net.AddressInfo;
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  if (when !== 'at once') {
    socket.end();
    await new Promise((resolve) => process.nextTick(resolve));
  }
  const closed = once(socket, 'close');
  reset(socket);
  await expect(closed).resolves.toBeDefined();
});
