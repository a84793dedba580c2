/**
 * Mirrors a document, from one of its replicas: reads it from one URL and writes it to another, when
 * it has changed. Writing it twice does no harm, but a mirror that stands still does: it has a lease,
 * so that another replica goes on even if the leader's node is lost.
 *
 *     GET SOURCE_URL    the document
 *     PUT MIRROR_URL    writes it; a Fencing-Token says which leader does
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type LeaseLeadership, lead } from 'leader-for-life';

const sourceUrl = setting('SOURCE_URL');
const mirrorUrl = setting('MIRROR_URL');
const intervalMs = Number(process.env['INTERVAL_SECONDS'] ?? 10) * 1_000;
if (!(intervalMs > 0 && intervalMs < 2 ** 31)) throw new Error('INTERVAL_SECONDS is out of range');

/** Shorter than the defaults: at most 6 s without a leader. The ratio of the first two is theirs. */
const durations = { leaseDurationMs: 6_000, renewDeadlineMs: 4_000, retryPeriodMs: 1_000 };
/** A write is begun only if leadership is proven for longer. */
const TIMEOUT_MS = 2_000;

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

try {
  await lead('lease-worker', mirror, { ...durations, signal: stop.signal, recampaign: true });
} catch (error) {
  if (error !== stop.signal.reason) throw error; // an aborted election is no failure
}

/** The work of the leader: returns when the signal aborts, for whatever reason. */
async function mirror(leadership: LeaseLeadership): Promise<void> {
  const { signal } = leadership;
  let mirrored: string | undefined; // A new leader does not know what its predecessor wrote.
  while (!signal.aborted) {
    try {
      mirrored = await copy(leadership, mirrored);
    } catch (error) {
      report(error, signal); // The next try comes in its time.
    }
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Resolves with what the mirror has now. */
async function copy(leadership: LeaseLeadership, mirrored: string | undefined) {
  const { fencingToken } = leadership;
  const source = await fetch(sourceUrl, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const document = await source.text();
  if (!source.ok) throw new Error(`GET ${sourceUrl}: ${source.status}`);
  // After a pause of the process, or a slow answer, there may be another leader soon.
  if (document === mirrored || leadership.remainingMs() < TIMEOUT_MS) return mirrored;
  const headers = { 'fencing-token': fencingToken };
  const signal = AbortSignal.timeout(TIMEOUT_MS); // Leadership is proven for longer than that.
  const written = await fetch(mirrorUrl, { method: 'PUT', body: document, headers, signal });
  await written.body?.cancel();
  if (!written.ok) throw new Error(`PUT ${mirrorUrl}: ${written.status}`);
  console.log(`mirrored ${document.length} characters`);
  return document;
}

/** What was cut off by the end of the term is no failure. */
function report(error: unknown, { aborted }: AbortSignal): void {
  if (!aborted) console.error(error);
}

function setting(name: string): string {
  const value = process.env[name] ?? '';
  if (!URL.canParse(value)) throw new Error(`${name} is no URL`);
  return value;
}
