/**
 * The in-process cluster as a program, so that it does not share a core with candidates. Into the
 * folder that it is given it writes a kubeconfig, and an audit log as Kubernetes has it.
 */
import { writeFileSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import type { RequestRecord } from '../../lib/testing/index.ts';
import { createCluster } from '../../lib/testing/index.ts';
import { certificateFor } from '../support/certificate.ts';

const FOR_EVER_MS = 2 ** 31 - 1;

const [, , folder = '.', protocol] = process.argv;
const isSecure = protocol === 'h2';
const cluster = await createCluster(
  isSecure ? { https: certificateFor('kubernetes', '127.0.0.1') } : {},
);
const file = openSync(join(folder, 'audit.log'), 'a');
const told = new WeakSet<RequestRecord>();
let count = 0;

type Told = Pick<
  RequestRecord,
  'verb' | 'resource' | 'namespace' | 'name' | 'status' | 'latencyMs'
>;

/** What has just happened. */
function tell({ verb, resource, namespace, name, status, latencyMs }: Told): void {
  const nowMs = performance.timeOrigin + performance.now();
  count += 1;
  const event = {
    auditID: `${count}`,
    verb,
    requestURI: '/',
    requestReceivedTimestamp: timestamp(nowMs - latencyMs),
    stageTimestamp: timestamp(nowMs),
    user: {},
    objectRef: { resource, namespace, name },
    responseStatus: { code: status },
  };
  writeSync(file, `${JSON.stringify(event)}\n`);
}

function timestamp(ms: number): string {
  const microseconds = Math.floor((ms % 1) * 1_000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(microseconds).padStart(3, '0')}Z`;
}

function tellAnswers(): false {
  const requests = [...cluster.requests];
  for (const request of requests.filter((one) => one.status > 0 && !told.has(one))) {
    told.add(request);
    if (!hasChangedLocks(request)) tell(request);
  }
  if (requests.every((one) => told.has(one))) cluster.requests.clear();
  return false;
}

function hasChangedLocks({ resource, verb, status }: RequestRecord): boolean {
  return resource === 'configmaps' && ['create', 'delete'].includes(verb) && status < 300;
}

// The garbage collector sends no requests here: locks tell themselves that they come and go.
cluster.onChange(({ type, before, after }) => {
  const { name, namespace = '' } = (before ?? after)?.metadata ?? {};
  if (type.plural !== 'configmaps' || name === undefined || (before && after)) return;
  const [verb, status] = after ? (['create', 201] as const) : (['delete', 200] as const);
  tell({ verb, resource: type.plural, namespace, name, status, latencyMs: 0 });
});
if (isSecure) setInterval(() => cluster.requests.clear(), 1_000);
else void cluster.until(tellAnswers, FOR_EVER_MS);

writeFileSync(join(folder, 'kubeconfig'), cluster.kubeConfigText());
// The process that started it has ended.
process.stdin.once('end', () => process.exit()).resume();
process.stdout.write('ready\n');
