// The floor: the same requests as ours over one `node:http2` connection, and no decisions. Nothing
// that makes these requests in Node.js costs less.
import { readFileSync, writeSync } from 'node:fs';
import http2, { type ClientHttp2Stream } from 'node:http2';

const say = (event: string) => writeSync(1, `{"event":"${event}"}\n`);
say('imported');

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const RENEW_MS = 2_000;
const { AIM: aim, LOCK: lock = 'lock', ELECTORS: electors = '1', ...env } = process.env;
const { POD_NAME: pod = '', POD_UID: uid = '', POD_NAMESPACE: namespace = '' } = env;
const host = `https://${env['KUBERNETES_SERVICE_HOST']}:${env['KUBERNETES_SERVICE_PORT']}`;
const authorization = `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8').trim()}`;
const session = http2.connect(host, { ca: readFileSync(`${ACCOUNT}/ca.crt`) });
const core = `/api/v1/namespaces/${namespace}`;
const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

interface Lease {
  metadata: { name: string; resourceVersion?: string };
  spec: Record<string, unknown>;
}

function open(method: string, path: string, body?: object): ClientHttp2Stream {
  const stream = session.request(
    { ':method': method, ':path': path, authorization, 'content-type': 'application/json' },
    { endStream: !body },
  );
  if (body) stream.end(JSON.stringify(body));
  return stream.setEncoding('utf8');
}

/** Resolves with the status and the parsed body. */
async function send(method: string, path: string, body?: object): Promise<[number, unknown]> {
  const stream = open(method, path, body);
  let status = 0;
  stream.on('response', (head) => (status = head[':status'] ?? 0));
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return [status, JSON.parse(text)];
}

/** Parses each event, and forgets it. */
function watch(path: string, name: string): void {
  open('GET', `${path}?watch=true&fieldSelector=metadata.name%3D${name}`).on('data', (text) => {
    for (const line of String(text).split('\n')) if (line !== '') JSON.parse(line);
  });
}

async function runLife(): Promise<void> {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: pod, uid }];
  const created = send('POST', `${core}/configmaps`, { metadata: { name: lock, ownerReferences } });
  const [[status]] = await Promise.all([created, send('GET', `${core}/pods/${pod}`)]);
  if (status === 201) {
    session.close();
    setInterval(() => undefined, 2 ** 31 - 1);
    return void say('leading');
  }
  watch(`${core}/configmaps`, lock);
  const [, held] = await send('GET', `${core}/configmaps/${lock}`);
  const { metadata } = held as { metadata: { ownerReferences: { name: string }[] } };
  const holder = metadata.ownerReferences[0]?.name ?? '';
  watch(`${core}/pods`, holder);
  await send('GET', `${core}/pods/${holder}`);
  say('waiting');
}

async function runLease(name: string): Promise<void> {
  watch(leases, name);
  const [found] = await send('GET', `${leases}/${name}`);
  if (found === 200) return void say('waiting');
  const holderIdentity = `${pod}_${uid}`;
  const spec = { holderIdentity, leaseDurationSeconds: 15, leaseTransitions: 0 };
  const now = () => new Date().toISOString().replace('Z', '000Z');
  const times = { acquireTime: now(), renewTime: now() };
  const lease = { metadata: { name }, spec: { ...spec, ...times } };
  let [, last] = (await send('POST', leases, lease)) as [number, Lease];
  say('leading');
  const renew = async () => {
    const renewed = { ...last, spec: { ...last.spec, renewTime: now() } };
    [, last] = (await send('PUT', `${leases}/${name}`, renewed)) as [number, Lease];
    setTimeout(() => void renew(), RENEW_MS);
  };
  setTimeout(() => void renew(), RENEW_MS);
}

if (aim === 'life') await runLife();
else if (aim === 'lease') await runLease(lock);
else
  for (let number = 0; number < Number(electors); number += 1) void runLease(`${lock}-${number}`);
