import { barWords, type WaitingReason } from '../events/waiting.ts';
import { isQuotaExceeded } from '../kubernetes/outcome.ts';
import { messageOf } from '../platform/printable.ts';
import { type State, holderOf } from '../protocol/lease/state.ts';

/** Explains the protocol's state, and the last failure of a request, to people. */
export function describeWaiting(
  state: State,
  trouble: unknown,
): { readonly reason: WaitingReason; readonly message: string } {
  if (trouble !== undefined) {
    const cause = trouble instanceof Error ? trouble.cause : undefined;
    const reason = isQuotaExceeded(cause) ? 'quota-exceeded' : 'api-unavailable';
    return { reason, message: messageOf(trouble) };
  }
  const { command } = state;
  const bar = command.do === 'wait' ? command.bar : undefined;
  if (bar && bar !== 'not-preferred') return { reason: bar, message: barWords[bar] };
  const holder = holderOf(state);
  if (holder !== '') return { reason: 'held', message: `${holder} leads` };
  return state.version && !state.gone
    ? { reason: 'released', message: 'the last leader has released the Lease' }
    : { reason: 'free', message: 'nobody holds the Lease' };
}
