// The library as built, in a program that does nothing else. Output goes around `process.stdout`,
// which would load streams.
import { writeSync } from 'node:fs';

const say = (event: string, more: object = {}) => {
  writeSync(1, `${JSON.stringify({ event, ...more })}\n`);
};

const { become, lead } = await import('leader-for-life');
say('imported');

const { AIM: aim, LOCK: lock = 'lock', ELECTORS: electors = '1' } = process.env;
const onWaiting = () => say('waiting');
const hold = () => new Promise<never>(() => undefined);

if (aim === 'life') {
  await become(lock, { onWaiting });
  say('leading');
  setInterval(() => undefined, 2 ** 31 - 1);
} else if (aim === 'lease') {
  const work = () => (say('leading'), hold());
  await lead(lock, work, { onWaiting });
} else if (aim === 'many') {
  // As client-go's program beside it: one that has lost its Lease says so, and competes again.
  const work = async ({ signal }: { readonly signal: AbortSignal }) => {
    say('leading');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    say('stopped');
  };
  const options = { recampaign: true };
  await Promise.all(
    Array.from({ length: Number(electors) }, (_, number) =>
      lead(`${lock}-${number}`, work, options),
    ),
  );
} else if (aim === 'aborted') {
  await lead(lock, ({ signal }) => {
    const plain = new AbortController().signal;
    say('aborted', { leadershipNs: costNs(signal), plainNs: costNs(plain) });
    return hold();
  });
}

/** CPU time of reading it once: what else the machine does takes none of it. */
function costNs(signal: AbortSignal): number {
  const reads = 1_000_000;
  let aborted = 0;
  // The first rounds are compiled while they run.
  for (let round = 0; ; round += 1) {
    const before = process.cpuUsage();
    for (let read = 0; read < reads; read += 1) aborted += Number(signal.aborted);
    const { user, system } = process.cpuUsage(before);
    if (round === 2) return ((user + system) * 1_000) / reads + aborted;
  }
}
