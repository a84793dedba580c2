import { LeaderElectionError, badArgument } from '../errors.ts';
import { Api } from '../kubernetes/api.ts';
import { explainRefusal } from '../kubernetes/failure.ts';
import { locate } from '../kubernetes/identity.ts';
import type { Refused } from '../kubernetes/remedy.ts';
import type { PlaceOptions } from '../options.ts';
import { abortable, neverAborts } from '../platform/abort.ts';
import { withDeadline } from '../platform/deadline.ts';
import type { Platform } from '../platform/platform.ts';

/** Options of `inspectLock`, `inspectLease` and `listLocks`. */
export interface InspectOptions extends PlaceOptions {
  /** Ends the call: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds for the whole call, in which failed requests are repeated. Then it rejects with
   * `ERR_TIMEOUT`.
   * @default 10_000
   */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 10_000;

const MAX_BACKOFF_MS = 2_000;

/** An API server in reach, for one call. */
export interface Session {
  readonly api: Api;
  readonly namespace: string;
  readonly signal: AbortSignal;
  /** Repeats an idempotent request while it fails transiently, and explains a refusal. */
  retry<T>(request: () => Promise<T>, refused: Refused): Promise<T>;
}

/** Runs a task with an API server in reach. `what` completes "cannot …" if time runs out. */
export async function withSession<T>(
  platform: Platform,
  options: InspectOptions,
  what: string,
  task: (session: Session) => Promise<T>,
): Promise<T> {
  const { signal: outer = neverAborts(), timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  let trouble: Error | undefined;
  const { signal, end } = withDeadline(platform.clock, outer, timeoutMs, () => {
    const why = trouble ? `: ${trouble.message}` : '';
    const message = `Could not ${what} within ${timeoutMs} ms${why}.`;
    return new LeaderElectionError('ERR_TIMEOUT', message, { cause: trouble });
  });
  try {
    const { namespace, credentials } = await abortable(
      locate(platform.environment, options),
      signal,
    );
    if (!credentials) {
      throw badArgument(
        `There is no cluster in which to ${what}: this process does not run in a Pod. Set ` +
          'options.kubeConfig.',
      );
    }
    const api = new Api(await platform.connect(credentials), platform.clock);
    const retry: Session['retry'] = async (request, refused) => {
      const retried = {
        signal,
        maxBackoffMs: MAX_BACKOFF_MS,
        onRetry: (error: Error) => (trouble = error),
      };
      try {
        return await api.retry(request, retried);
      } catch (error) {
        throw explainRefusal(error, refused);
      }
    };
    try {
      return await task({ api, namespace, signal, retry });
    } finally {
      api.close();
    }
  } finally {
    end();
  }
}
