/** An operator: of its replicas, only the leader reconciles. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { KubeConfig } from '@kubernetes/client-node';
import { become } from 'leader-for-life';
import { ChecksumOperator } from './checksums.ts';

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

const kubeConfig = new KubeConfig();
kubeConfig.loadFromDefault();
const namespace = process.env['POD_NAMESPACE'] ?? 'default';
const operator = new ChecksumOperator(kubeConfig, namespace);

// Before the election: a candidate that waits is ready, and alive.
const probes = createServer(({ url }, response) => {
  response.statusCode = url === '/livez' && operator.isStuck ? 503 : 200;
  response.end();
}).listen(Number(process.env['PORT'] ?? 8080));

try {
  const leadership = await become('checksum-operator', {
    signal: stop.signal,
    onWaiting: ({ message }) => console.log(message),
  });
  console.log('leading');
  operator.start();
  if (!stop.signal.aborted) await once(stop.signal, 'abort');
  await operator.stop();
  await leadership.release();
} catch (error) {
  if (error !== stop.signal.reason) throw error; // an aborted wait is no failure
}
probes.close();
