import {
  type Holder,
  type LockStatus,
  inspectLease,
  inspectLock,
  observeLease,
  observeLock,
  requestStepDown,
} from '../index.ts';
import { systemClock } from '../platform/clock.ts';
import { Exit, defineCommand } from './command.ts';
import { CONTEXT_OPTIONS, type Context, type Place } from './context.ts';
import { TIMED_OUT } from './exit-codes.ts';
import { untilAsked } from './stop.ts';

type Mode = LockStatus['mode'];

export const stepDown = defineCommand({
  name: 'step-down',
  synopsis: 'step-down [options] NAME',
  summary: 'Ask the leader to hand over, and wait until another one leads',
  description: [
    'Asks the leader of the lock NAME to hand over, by an annotation on the ConfigMap or Lease, and ' +
      'waits until another one leads. A leader of this library ends its work first. Others ignore ' +
      'the annotation. Needs the rights to get, watch and patch the object.',
    'Prints who leads then. Exit codes: 0 another one leads; 1 step-down failed, or the same one leads ' +
      'again, or another than --to; 2 bad usage; 124 --timeout ran out.',
  ],
  names: { min: 1, max: 1 },
  options: {
    lease: {
      type: 'flag',
      help: 'NAME is a Lease; by default the ConfigMap or, if nobody holds that, the Lease',
    },
    to: {
      type: 'text',
      placeholder: 'POD',
      help: "Who should lead next: noted as the Lease's preferredHolder; only with a Lease",
    },
    timeout: {
      type: 'duration',
      placeholder: 'DURATION',
      default: '1m',
      help: 'Longest wait for another leader; then the exit code is 124',
    },
    ...CONTEXT_OPTIONS,
  },
  async run({ names, values, context }) {
    const [name = ''] = names;
    const signal = untilAsked();
    const place = { ...(await context.place()), signal };
    const mode = values.lease ? 'lease' : await modeOf(name, place, context.say);
    const { to, timeout } = values;
    const asked = await requestStepDown(mode, name, { ...place, to }).catch(
      async (error: unknown) => {
        throw values.lease && isNobody(error) ? await namesake(name, place, error) : error;
      },
    );
    // Another one has taken over before the request was stored.
    if (asked.stepDown !== asked.holder) {
      context.print(`${asked.holder ?? ''}\n`);
      return 0;
    }
    context.say(`asked ${asked.holder ?? ''} to step down`);
    const leader = await nextLeader(mode, name, asked, place, timeout);
    context.print(`${leader}\n`);
    if (leader === asked.holder)
      throw new Exit(1, `${leader} leads again: no other candidate did.`);
    if (to !== undefined && leader !== to && !leader.startsWith(`${to}_`)) {
      throw new Exit(1, `${leader} leads, not ${to}.`);
    }
    return 0;
  },
});

type Where = Place & { readonly signal: AbortSignal };

async function modeOf(name: string, place: Where, say: Context['say']): Promise<Mode> {
  const read = await Promise.allSettled([inspectLock(name, place), inspectLease(name, place)]);
  const [lock, lease] = read.map((each) => (each.status === 'fulfilled' ? each.value : undefined));
  if (lock?.holder !== undefined) {
    const { namespace, holder } = lease ?? {};
    if (holder) say(`${holder} holds Lease ${namespace}/${name}, and is asked with --lease`);
    return 'life';
  }
  if (lease?.holder !== undefined) return 'lease';
  if (lock?.uid !== undefined) return 'life';
  if (lease?.uid !== undefined) return 'lease';
  const [failed] = read.filter((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
  return 'life';
}

function isNobody(error: unknown): error is Error {
  return (error as { code?: unknown }).code === 'ERR_NO_LEADER';
}

/** The same error, which says so if the ConfigMap of this name is a lock that a Pod holds. */
async function namesake(name: string, place: Where, error: Error): Promise<Error> {
  const lock = await inspectLock(name, place).catch(() => undefined);
  if (lock?.holder === undefined) return error;
  const what = `There is a ConfigMap ${lock.namespace}/${name}: ${lock.message}. Leave out --lease.`;
  return new Exit(1, `${error.message} ${what} (ERR_NO_LEADER)`);
}

/** Who leads after the asked one has stopped. */
async function nextLeader(
  mode: Mode,
  name: string,
  asked: LockStatus,
  place: Where,
  timeoutMs: number,
): Promise<string> {
  const ending = new AbortController();
  const cancel = systemClock.after(timeoutMs, () => ending.abort());
  const observe = mode === 'life' ? observeLock : observeLease;
  place.signal.addEventListener('abort', () => ending.abort());
  const { signal } = ending;
  let isHeld = true;
  try {
    for await (const holder of observe(name, { ...place, signal })) {
      if (holder && (!isHeld || isAnother(holder, asked))) return holder.identity;
      isHeld = holder !== null;
    }
  } finally {
    cancel();
  }
  place.signal.throwIfAborted();
  const what = isHeld
    ? `${asked.holder ?? ''} still leads. A leader without this library ignores the request`
    : 'Nobody leads. Is there another candidate?';
  throw new Exit(TIMED_OUT, `${what} (ERR_TIMEOUT)`);
}

function isAnother(next: Holder & { leaseTransitions?: number }, asked: LockStatus): boolean {
  const { since = next.acquireTime, transitions = next.leaseTransitions } = asked;
  return (
    next.identity !== asked.holder ||
    next.acquireTime.getTime() !== since.getTime() ||
    next.leaseTransitions !== transitions
  );
}
