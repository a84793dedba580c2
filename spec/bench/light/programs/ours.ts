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
  const work = () => (say('leading'), hold());
  await Promise.all(
    Array.from({ length: Number(electors) }, (_, number) => lead(`${lock}-${number}`, work)),
  );
} else if (aim === 'aborted') {
  await lead(lock, ({ signal }) => {
    const plain = new AbortController().signal;
    say('aborted', { leadershipMs: costMs(signal), plainMs: costMs(plain) });
    return hold();
  });
}

/** Of reading it once. */
function costMs(signal: AbortSignal): number {
  const reads = 1_000_000;
  let aborted = 0;
  // The first round is compiled while it runs.
  for (let round = 0; ; round += 1) {
    const startMs = performance.now();
    for (let read = 0; read < reads; read += 1) aborted += Number(signal.aborted);
    const tookMs = performance.now() - startMs;
    if (round === 2) return tookMs / reads + aborted;
  }
}
