import { checkLeases } from '../checks.ts';
import { ms } from '../screen.ts';
import type { Play } from '../show.ts';
import type { Stage } from '../stage.ts';
import { durations } from './durations.ts';

/** A lease: what may happen to its holder, and when another holds it. */
export const play: Play = {
  motto: 'of several processes one leads, while it renews its lease.',
  limitMs: 40_000,
  app: new URL('elector.ts', import.meta.url),
  lock: (cluster) => {
    const lease = cluster.getLease('demo-lease');
    if (!lease) return undefined;
    const { uid, resourceVersion } = lease.metadata;
    const holder = lease.spec?.holderIdentity;
    return { uid, resourceVersion, ownerUid: holder && cluster.getPod(holder)?.metadata.uid };
  },
  check: (acts, entries, { writes }) =>
    checkLeases(acts, entries, writes, durations.leaseDurationMs),
  perform,
};

async function perform(stage: Stage): Promise<void> {
  const { deployment, journal } = stage;

  await stage.open(3, {
    title: () => 'Three processes start, and compete for a lease of 4 s.',
    outcome: (after) => `leads after ${after}; the others wait.`,
  });

  await stage.play({
    title: (old) => `${old} is asked to go. It stops its work, then releases the lease.`,
    expected: 'another Pod',
    perform: async (old) => {
      deployment.stop(old);
      const released = await journal.until(() =>
        journal.entries.find(({ what, pod }) => what === 'releases' && pod === old.pod),
      );
      return released.atMs;
    },
    clear: async (old) => {
      await journal.until(() => !deployment.hasProcess(old));
    },
    replaced: true,
    outcome: (after) => `leads ${after} later.`,
  });

  await stage.play({
    title: (old) => `${old} crashes (SIGKILL): the lease has to expire.`,
    expected: 'another Pod',
    perform: async (old) => {
      await deployment.kill(old);
      return deployment.nowMs;
    },
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
function pause({ journal }: Stage): number {
  const lost = journal.entries.findLast(({ what }) => what === 'loses');
  const led = journal.entries.findLast(({ what }) => what === 'leads');
  return lost && led ? led.atMs - lost.atMs : Number.NaN;
}
