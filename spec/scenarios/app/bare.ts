// A candidate without a library, to measure others by: it asks for the lock with what its Pod gives
// it, and says in the scene's folder what comes of it.
import { readFileSync } from 'node:fs';
import { name, say, variable } from '../../lab/say.ts';
import { BareClient } from './bare-client.ts';

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const host = variable('KUBERNETES_SERVICE_HOST', '127.0.0.1');
const uid = variable('POD_UID', '');

// The first process of a container gets no signal that it does not handle.
process.once('SIGTERM', () => {
  say('exit');
  process.exit(0);
});

say('start');
const client = new BareClient({
  url: new URL(`https://${host}:${variable('KUBERNETES_SERVICE_PORT', '443')}`),
  token: readFileSync(`${ACCOUNT}/token`, 'utf8'),
  ca: readFileSync(`${ACCOUNT}/ca.crt`, 'utf8'),
  namespace: variable('POD_NAMESPACE', 'default'),
  lockName: variable('LOCK', 'lock'),
  pod: { name, uid },
  onHeld: (holder) => {
    if (holder.uid !== uid) say('waiting', { reason: 'held', holderPod: holder.name });
  },
});
await client.leads;
say('leading');
