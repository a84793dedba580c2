import { type BecomeOptions, become } from '../index.ts';
import { endOfWait } from './exit-codes.ts';
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
  let outcome: number | 'lost' | undefined;
  try {
    options.signal.throwIfAborted();
    const env = {
      LEADER_NAME: name,
      LEADER_NAMESPACE: namespace,
      LEADER_IDENTITY: identity,
      LEADER_MODE: 'life',
      LEADER_FENCING_TOKEN: fencingToken,
      LEADER_SINCE: acquiredAt.toISOString(),
    };
    // Who takes the lock away may let another Pod lead at once.
    const exitCode = await supervisor.run({ env, lost: signal, graceMs: () => 0 });
    outcome = signal.aborted ? 'lost' : exitCode;
    return outcome;
  } finally {
    await leadership.release().catch((error: unknown) => {
      if (outcome !== 'lost') warn((error as Error).message);
    });
  }
}
