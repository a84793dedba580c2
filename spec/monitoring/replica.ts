// A replica that leads by a Lease and serves its metrics, as a process of its own. Its arguments: its name,
// and a kubeconfig's text. It prints its port, and ends with SIGTERM.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { KubeConfig } from '@kubernetes/client-node';
import { lead } from '../../lib/index.ts';
import { TextRegistry, collectElections } from '../../lib/telemetry/prometheus.ts';

const [identity = '', config = ''] = process.argv.slice(2);
const registry = new TextRegistry();
collectElections(registry);
const server = createServer((_, response) => {
  void registry.metrics().then((text) => {
    response.setHeader('Content-Type', registry.contentType).end(text);
  });
});
const stop = new AbortController();
process.once('SIGTERM', () => {
  stop.abort();
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});

const kubeConfig = new KubeConfig();
kubeConfig.loadFromString(config);
await lead('operator', ({ ended }) => ended, {
  ...{ kubeConfig, identity, namespace: 'default', signal: stop.signal },
}).catch((error: unknown) => {
  if (error !== stop.signal.reason) throw error;
});
server.close();
server.closeAllConnections();
