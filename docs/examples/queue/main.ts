/**
 * Takes messages from a queue, one after the other, and writes them to a store: one consumer at a
 * time, so that their order is kept. The store refuses all but the latest leader.
 *
 *     GET    QUEUE_URL        the oldest message, as `{ id, body }`; 204 if there is none
 *     PUT    STORE_URL/<id>   writes it; 412 if a larger Fencing-Token was seen before
 *     DELETE QUEUE_URL/<id>   removes it from the queue
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { become } from 'leader-for-life';

interface Message {
  readonly id: string;
  readonly body: unknown;
}

const queueUrl = setting('QUEUE_URL');
const storeUrl = setting('STORE_URL');
/** So that a message under way, which takes three requests, can be finished within the Pod's grace. */
const TIMEOUT_MS = 5_000;
const PAUSE_MS = 1_000;

/** The store knows a later leader. */
class Superseded extends Error {}

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

try {
  const leadership = await become('queue-consumer', { signal: stop.signal, guard: true });
  const { fencingToken } = leadership;
  // The guard's signal: the lock was taken away by hand, so that another Pod may lead already.
  while (!stop.signal.aborted && !leadership.signal.aborted) {
    const wasBusy = await consume(fencingToken).catch(report);
    if (!wasBusy) await sleep(PAUSE_MS, undefined, { signal: stop.signal }).catch(() => undefined);
  }
  if (!stop.signal.aborted) throw leadership.signal.reason; // the container restarts, and waits
  await leadership.release();
} catch (error) {
  if (error !== stop.signal.reason) throw error; // an aborted wait is no failure
}

/** Handles the oldest message, if there is one. Repeating it is harmless. */
async function consume(fencingToken: string): Promise<boolean> {
  const response = await request('GET', queueUrl);
  if (response.status === 204) return false;
  const message = (await response.json()) as Message;
  const id = encodeURIComponent(message.id);
  await request('PUT', `${storeUrl}/${id}`, message.body, { 'fencing-token': fencingToken });
  await request('DELETE', `${queueUrl}/${id}`);
  console.log(`${message.id}: done`);
  return true;
}

async function request(method: string, url: string, body?: unknown, headers = {}) {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const line = `${method} ${url}: ${response.status}`;
  if (response.status === 412) throw new Superseded(line);
  if (!response.ok) throw new Error(line);
  return response;
}

/** The message is still in the queue: it is tried again, unless by somebody else. */
function report(error: unknown): boolean {
  if (error instanceof Superseded) throw error;
  console.error(error);
  return false;
}

function setting(name: string): string {
  const value = process.env[name] ?? '';
  if (!URL.canParse(value)) throw new Error(`${name} is no URL`);
  return value.replace(/\/$/, '');
}
