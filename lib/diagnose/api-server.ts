import { isObject, text } from '../kubernetes/json.ts';
import { parse, quoted } from '../kubernetes/answer.ts';
import type { ApiResponse, Transport } from '../kubernetes/transport.ts';
import { withDeadline } from '../platform/deadline.ts';
import type { Clock } from '../platform/clock.ts';
import { duration } from '../platform/printable.ts';
import { type Finding, findingsOf } from './finding.ts';

const { ok, warning, error } = findingsOf('api-server');

const TIMEOUT_MS = 10_000;

/** A renewal that takes longer leaves little of the renew deadline. */
const SLOW_MS = 1_000;

/** Clocks of machines that are synchronized differ by milliseconds; `Date` has whole seconds. */
const MAX_SKEW_MS = 5_000;

/** Asks for the version twice: first also over a new connection, then over the open one. */
export async function apiServerFindings(
  transport: Transport,
  clock: Clock,
  signal: AbortSignal,
): Promise<Finding[]> {
  try {
    const first = await ask(transport, clock, signal);
    const second = await ask(transport, clock, signal);
    const version = first.version;
    if (version === undefined) return [error(strangerMessage(first))];
    const speed = `answers in ${Math.round(second.tookMs)} ms, after ${Math.round(first.tookMs)} ms for the first answer`;
    const message = `Kubernetes ${version} ${speed}`;
    const isSlow = second.tookMs > SLOW_MS;
    const advice = `${message}. That is slow: look at its load, and at the network in between.`;
    return [isSlow ? warning(advice) : ok(message), ...clockFinding(second)];
  } catch (cause) {
    signal.throwIfAborted();
    const { message } = cause as Error;
    return [
      error(
        `The API server does not answer: ${message}. Look at the network policies, the proxy, and its address.`,
      ),
    ];
  }
}

interface Answer {
  readonly status: number;
  readonly version: string | undefined;
  readonly words: string;
  readonly tookMs: number;
  /** Milliseconds that this machine's clock is ahead of the server's; undefined if it gave none. */
  readonly aheadMs: number | undefined;
}

async function ask(transport: Transport, clock: Clock, outer: AbortSignal): Promise<Answer> {
  const limit = withDeadline(
    clock,
    outer,
    TIMEOUT_MS,
    (ms) => new Error(`no answer within ${ms} ms`),
  );
  try {
    const startedMs = clock.now();
    const response = await transport.send({ method: 'GET', path: '/version' }, limit.signal);
    const tookMs = clock.now() - startedMs;
    const aheadMs = aheadOf(response, clock, tookMs);
    let body = '';
    for await (const part of response.body) {
      body += part;
      if (body.length > 100_000) break;
    }
    const answer = parse(body);
    const version = isObject(answer) ? text(answer, 'gitVersion') : undefined;
    const isVersion = response.status === 200 && version !== undefined;
    return {
      status: response.status,
      version: isVersion ? version : undefined,
      words: quoted(response, body),
      tookMs,
      aheadMs,
    };
  } finally {
    limit.end();
  }
}

function aheadOf({ headers }: ApiResponse, clock: Clock, tookMs: number): number | undefined {
  const serverMs = Date.parse(headers['date'] ?? '');
  if (Number.isNaN(serverMs)) return undefined;
  // The header is cut to whole seconds, and was written while the request was under way.
  return clock.date().getTime() - tookMs / 2 - (serverMs + 500);
}

function strangerMessage({ status, words }: Answer): string {
  if (status === 401) {
    return 'The API server refuses the credentials: 401. Look at the token, or at the kubeconfig.';
  }
  return (
    `What answers is not Kubernetes: ${status} ${words}. Look for a proxy, a login page, or a wrong ` +
    'address of the API server.'
  );
}

function clockFinding({ aheadMs }: Answer): Finding[] {
  if (aheadMs === undefined) return [];
  const found = findingsOf('clock');
  if (Math.abs(aheadMs) <= MAX_SKEW_MS) return [found.ok("as the API server's clock")];
  const how = `${duration(aheadMs)} ${aheadMs > 0 ? 'ahead of' : 'behind'} the API server's`;
  return [
    found.warning(
      `This machine's clock is ${how}. No election goes by it, but times in locks, logs and tokens are ` +
        'off: look at its time synchronization.',
    ),
  ];
}
