/**
 * Calls a URL once per interval, from one of its replicas.
 *
 * A new leader calls for the current interval at once: its predecessor may have gone before it did.
 * So there is at least one call per interval, and perhaps a second one after a handover; both have the
 * same `Idempotency-Key`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { become } from 'leader-for-life';

const url = process.env['JOB_URL'] ?? '';
if (!URL.canParse(url)) throw new Error('JOB_URL is no URL');
const intervalMs = Number(process.env['INTERVAL_SECONDS'] ?? 3_600) * 1_000;
if (!(intervalMs > 0 && intervalMs < 2 ** 31)) throw new Error('INTERVAL_SECONDS is out of range');
/** Less than the Pod's grace period, so that a call under way can be waited for. */
const TIMEOUT_MS = 20_000;

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

try {
  const leadership = await become('cron-worker', { signal: stop.signal });
  let interval = Math.floor(Date.now() / intervalMs);
  while (!stop.signal.aborted) {
    await call(interval);
    // What passed during a long call is not made up for.
    interval = Math.max(interval + 1, Math.floor(Date.now() / intervalMs));
    await pause(Math.max(interval * intervalMs - Date.now(), 0));
  }
  await leadership.release();
} catch (error) {
  if (error !== stop.signal.reason) throw error; // an aborted wait is no failure
}

/** A call that fails is reported, and the next one comes in its time. */
async function call(interval: number): Promise<void> {
  try {
    const headers = { 'idempotency-key': String(interval) };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { method: 'POST', headers, signal });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the answer is ${response.status}`);
    console.log(`${interval}: done`);
  } catch (error) {
    console.error(`${interval}:`, error);
  }
}

/** Ends early on SIGTERM. */
async function pause(ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: stop.signal }).catch(() => undefined);
}
