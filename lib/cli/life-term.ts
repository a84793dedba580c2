import { type BecomeOptions, become } from '../index.ts';
import { endOfWait } from './exit-codes.ts';
import { leaderVariables } from './leader-variables.ts';
import type { Supervisor } from './supervise.ts';

/** Waits to lead for life and runs the command. Resolves with its exit code, after the release. */
export async function lifeTerm(
  name: string,
  supervisor: Supervisor,
  options: BecomeOptions & { readonly signal: AbortSignal },
  warn: (message: string) => void,
): Promise<number | 'lost'> {
  const leadership = await become(name, options).catch(endOfWait);
  const { namespace, identity, fencingToken, acquiredAt, signal } = leadership;
  try {
    options.signal.throwIfAborted();
    const facts = {
      name,
      namespace,
      identity,
      mode: 'life',
      fencingToken,
      since: acquiredAt,
    } as const;
    const env = leaderVariables(facts);
    // If the lock was taken away, another Pod may lead at once. To hand over, the command may end first.
    const graceMs = () => (hasSteppedDown(signal) ? Infinity : 0);
    const exitCode = await supervisor.run({ env, lost: signal, graceMs });
    return signal.aborted ? 'lost' : exitCode;
  } finally {
    const isTaken = signal.aborted && !hasSteppedDown(signal);
    await leadership.release().catch((error: unknown) => {
      if (!isTaken) warn((error as Error).message);
    });
  }
}

function hasSteppedDown({ reason }: AbortSignal): boolean {
  return (reason as { code?: unknown } | undefined)?.code === 'ERR_STEPPED_DOWN';
}
