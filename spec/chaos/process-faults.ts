import { setTimeout as sleep } from 'node:timers/promises';
import { wallClock, whyNoShiftedClocks } from '../lab/wall-clock.ts';
import type { Luck } from '../simulate/luck.ts';
import type { Berth, Crew, Ending } from './crew.ts';
import { stood } from './recovery.ts';
import type { FaultKind, Stage } from './stage.ts';

const GROUP = 'processes';
const ENDINGS: readonly Ending[] = ['deleted', 'failed', 'restarted'];
const HOUR_MS = 3_600_000;

/** Has something done to a process of each election. */
function each(
  act: (crew: Crew, berth: Berth, luck: Luck, stage: Stage) => Promise<void>,
): FaultKind['play'] {
  return async (stage, luck) => {
    const strikes = stage.crews.map(async (crew) => {
      const own = luck.fork(crew.name);
      const berth = crew.pick(own);
      if (!berth) return;
      berth.isStruck = true;
      try {
        await act(crew, berth, own, stage);
      } finally {
        berth.isStruck = false;
      }
    });
    await Promise.all(strikes);
  };
}

async function stopAwhile(
  { chronicle }: Stage,
  crew: Crew,
  { candidate }: Berth,
  forMs: number,
): Promise<void> {
  const end = chronicle.begin({
    kind: 'process stopped',
    target: candidate.name,
    elections: [crew.name],
    strikes: (identity) => identity === candidate.name,
    effects: stood,
  });
  candidate.signal('SIGSTOP');
  try {
    await sleep(forMs);
  } finally {
    candidate.signal('SIGCONT');
    end();
  }
}

export const processFaults: readonly FaultKind[] = [
  {
    name: 'process killed',
    group: GROUP,
    play: each((crew, berth, luck) => crew.end(berth, 'SIGKILL', luck.pick(ENDINGS))),
  },
  {
    name: 'process told to go',
    group: GROUP,
    play: each((crew, berth, luck) => crew.end(berth, 'SIGTERM', luck.pick(ENDINGS))),
  },
  {
    name: 'process stopped',
    group: GROUP,
    // Shorter and longer than what a lease lasts.
    play: each((crew, berth, luck, stage) =>
      stopAwhile(stage, crew, berth, luck.integer(500, 12_000)),
    ),
  },
  {
    name: 'process stopped, then killed',
    group: GROUP,
    play: each(async (crew, berth, luck, stage) => {
      await stopAwhile(stage, crew, berth, luck.integer(500, 5_000));
      await crew.end(berth, 'SIGKILL', luck.pick(ENDINGS));
    }),
  },
  {
    name: 'Pod terminates slowly',
    group: GROUP,
    play: each(async (crew, berth, luck) => {
      if (crew.mode === 'lease') await crew.end(berth, 'SIGTERM', 'deleted');
      else await crew.terminate(berth, () => sleep(luck.integer(2_000, 8_000)));
    }),
  },
  {
    name: 'wall clock shifted',
    group: GROUP,
    whyNot: whyNoShiftedClocks,
    play: each(async (crew, berth, luck) => {
      const offsetMs = luck.integer(-HOUR_MS, HOUR_MS);
      berth.clock = luck.chance(0.7) ? wallClock(offsetMs, luck.pick([0.5, 1, 2])) : undefined;
      await crew.end(berth, 'SIGTERM', 'deleted');
    }),
  },
];
