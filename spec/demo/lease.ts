import { checkLeases } from './checks.ts';
import { ms } from '../../lib/cli/demo/screen.ts';
import type { Play } from './show.ts';
import type { Stage } from './stage.ts';

/** The article's 6, 3 and 1 s, shortened: it is to be over soon. */
const durations = { leaseDurationMs: 4_000, renewDeadlineMs: 2_000, retryPeriodMs: 500 };

/** A lease: what may happen to its holder, and when another holds it. */
export const play: Play = {
  motto: 'of several processes, at most one leads, by a lease.',
  limitMs: 60_000,
  form: 'lead',
  options: durations,
  lock: (cluster) => {
    const lease = cluster.getLease('demo');
    if (!lease) return undefined;
    const { uid, resourceVersion } = lease.metadata;
    const holder = lease.spec?.holderIdentity;
    return { uid, resourceVersion, ownerUid: holder && cluster.getPod(holder)?.metadata.uid };
  },
  check: (acts, { entries, writes }) =>
    checkLeases(acts, entries, writes, durations.leaseDurationMs),
  perform,
};

async function perform(stage: Stage): Promise<void> {
  const { deployment } = stage;

  await stage.open(3, {
    title: () => 'Three processes start, and compete for a lease of 4 s.',
    outcome: (after) => `leads after ${after}; the others wait.`,
  });

  await stage.play({
    title: (old) => `${old} is asked to go. It stops its work, then releases the lease.`,
    expected: 'another Pod',
    perform: (old) => deployment.stop(old),
    clear: (old) => deployment.ended(old),
    replaced: true,
    outcome: (after) => `leads ${after} later.`,
  });

  await stage.play({
    title: (old) => `${old} crashes (SIGKILL): the lease has to expire.`,
    expected: 'another Pod',
    perform: (old) => deployment.kill(old),
    replaced: true,
    outcome: (after) => `leads ${after} later.`,
  });

  const cut = new DisposableStack();
  await stage.play({
    title: (old) => `${old} is cut off from the API server, and cannot renew the lease.`,
    expected: 'another Pod',
    perform: (old) => {
      cut.use(deployment.cutOff(old));
      return Promise.resolve(deployment.nowMs);
    },
    clear: () => {
      cut.dispose();
      return Promise.resolve();
    },
    replaced: false,
    outcome: (after) => `leads ${after} later, ${ms(pause(stage))} after that one stepped down.`,
  });
}

/** How long there was no leader after the last one had stepped down by itself. */
function pause({ deployment: { terms } }: Stage): number {
  const [old, next] = terms.slice(-2);
  return old && next ? next.fromMs - old.endMs : Number.NaN;
}
