// The floor: the same requests as ours over one `node:http2` connection, and no decisions. Nothing
// that makes these requests in Node.js costs less.
import { readFileSync, writeSync } from 'node:fs';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

const say = (event: string) => writeSync(1, `{"event":"${event}"}\n`);
say('imported');

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const RENEW_MS = 2_000;
/** The API server has too much to do. */
const BUSY = 429;
const { AIM: aim, LOCK: lock = 'lock', ELECTORS: electors = '1', ...env } = process.env;
const { POD_NAME: pod = '', POD_UID: uid = '', POD_NAMESPACE: namespace = '' } = env;
const host = `https://${env['KUBERNETES_SERVICE_HOST']}:${env['KUBERNETES_SERVICE_PORT']}`;
const authorization = `Bearer ${readFileSync(`${ACCOUNT}/token`, 'utf8').trim()}`;
const ca = readFileSync(`${ACCOUNT}/ca.crt`);
/** An API server allows 100 requests at a time on a connection, and an elector has two. */
const ELECTORS_PER_SESSION = 45;
const sessions: ClientHttp2Session[] = [];
const core = `/api/v1/namespaces/${namespace}`;
const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

interface Lease {
  metadata: { name: string; resourceVersion?: string };
  spec: Record<string, unknown>;
}

function sessionOf(number: number): ClientHttp2Session {
  return (sessions[Math.floor(number / ELECTORS_PER_SESSION)] ??= http2.connect(host, { ca }));
}

type Send = readonly [method: string, path: string, body?: object];

function open(number: number, ...[method, path, body]: Send): ClientHttp2Stream {
  const stream = sessionOf(number).request(
    { ':method': method, ':path': path, authorization, 'content-type': 'application/json' },
    { endStream: !body },
  );
  if (body) stream.end(JSON.stringify(body));
  return stream.setEncoding('utf8');
}

/** Resolves with the status and the parsed body. */
async function send(number: number, ...request: Send): Promise<[number, unknown]> {
  const stream = open(number, ...request);
  let status = 0;
  stream.on('response', (head) => (status = head[':status'] ?? 0));
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  if (status !== BUSY) return [status, JSON.parse(text)];
  await new Promise((resolve) => setTimeout(resolve, RENEW_MS / 2));
  return send(number, ...request);
}

/** Parses each event, and forgets it. */
function watch(number: number, path: string, name: string): void {
  let rest = '';
  const query = `watch=true&fieldSelector=metadata.name%3D${name}`;
  const stream = open(number, 'GET', `${path}?${query}`);
  stream.on('response', (head) => {
    if (head[':status'] !== BUSY) return;
    stream.removeAllListeners('data').resume();
    setTimeout(() => watch(number, path, name), RENEW_MS / 2);
  });
  stream.on('data', (chunk) => {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) JSON.parse(line);
  });
}

async function runLife(): Promise<void> {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: pod, uid }];
  const created = send(0, 'POST', `${core}/configmaps`, {
    metadata: { name: lock, ownerReferences },
  });
  const [[status]] = await Promise.all([created, send(0, 'GET', `${core}/pods/${pod}`)]);
  if (status === 201) {
    sessionOf(0).close();
    setInterval(() => undefined, 2 ** 31 - 1);
    return void say('leading');
  }
  watch(0, `${core}/configmaps`, lock);
  const [, held] = await send(0, 'GET', `${core}/configmaps/${lock}`);
  const { metadata } = held as { metadata: { ownerReferences: { name: string }[] } };
  const holder = metadata.ownerReferences[0]?.name ?? '';
  watch(0, `${core}/pods`, holder);
  await send(0, 'GET', `${core}/pods/${holder}`);
  say('waiting');
}

async function runLease(number: number, name: string): Promise<void> {
  watch(number, leases, name);
  const [found] = await send(number, 'GET', `${leases}/${name}`);
  if (found === 200) return void say('waiting');
  const holderIdentity = `${pod}_${uid}`;
  const spec = { holderIdentity, leaseDurationSeconds: 15, leaseTransitions: 0 };
  const now = () => new Date().toISOString().replace('Z', '000Z');
  const times = { acquireTime: now(), renewTime: now() };
  const lease = { metadata: { name }, spec: { ...spec, ...times } };
  let [, last] = (await send(number, 'POST', leases, lease)) as [number, Lease];
  say('leading');
  const renew = async () => {
    const renewed = { ...last, spec: { ...last.spec, renewTime: now() } };
    [, last] = (await send(number, 'PUT', `${leases}/${name}`, renewed)) as [number, Lease];
    setTimeout(() => void renew(), RENEW_MS);
  };
  setTimeout(() => void renew(), RENEW_MS);
}

if (aim === 'life') await runLife();
else if (aim === 'lease') await runLease(0, lock);
else
  for (let number = 0; number < Number(electors); number += 1)
    void runLease(number, `${lock}-${number}`);
