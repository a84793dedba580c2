import { setTimeout as sleep } from 'node:timers/promises';
import type { Luck } from '../simulate/luck.ts';
import type { Fault, Line } from './fault.ts';
import { isOneOf } from './crew.ts';
import { MOST_RETRY_AFTER_SECONDS, putOff, silenced, unanswered, unseeing } from './recovery.ts';
import type { FaultKind, Stage } from './stage.ts';
import type { Effects } from './trouble.ts';

const GROUP = 'lines';

interface Weather {
  readonly name: string;
  /** @default unanswered */
  readonly effects?: Effects;
  readonly fault: (luck: Luck) => Fault;
}

const weathers: readonly Weather[] = [
  {
    name: 'line: late bytes',
    fault: (luck) => ({ kind: 'latency', ms: luck.integer(20, 1_500) }),
  },
  { name: 'line: reset', fault: () => ({ kind: 'reset' }) },
  { name: 'line: half-open', effects: silenced, fault: () => ({ kind: 'half-open' }) },
  {
    name: 'line: blackhole one way',
    effects: silenced,
    fault: (luck) => ({ kind: 'blackhole', direction: luck.pick(['to', 'from'] as const) }),
  },
  { name: 'line: connections dropped', fault: () => ({ kind: 'drop-on-accept' }) },
  {
    name: 'line: late answers',
    fault: (luck) => ({ kind: 'delay-answer', ms: luck.integer(100, 5_000), probability: 0.7 }),
  },
  {
    name: 'line: late requests',
    fault: (luck) => ({ kind: 'delay-request', ms: luck.integer(100, 5_000), probability: 0.7 }),
  },
  {
    name: 'line: 429 with Retry-After',
    effects: putOff,
    fault: (luck) => ({
      kind: 'refuse',
      status: 429,
      retryAfterSeconds: luck.integer(1, MOST_RETRY_AFTER_SECONDS),
    }),
  },
  {
    name: 'line: 500 or 503',
    fault: (luck) => ({ kind: 'refuse', status: luck.pick([500, 503] as const), probability: 0.7 }),
  },
  {
    name: 'line: 500 after the effect',
    fault: (luck) => ({
      kind: 'fail-after-effect',
      status: luck.pick([500, 503, 504] as const),
      only: 'writes',
      probability: 0.7,
    }),
  },
  {
    name: 'line: cut after the effect',
    fault: () => ({ kind: 'reset-connection', when: 'after-effect', only: 'writes' }),
  },
  {
    name: 'line: cut before the effect',
    fault: () => ({ kind: 'reset-connection', when: 'before', probability: 0.5 }),
  },
  {
    name: 'line: truncated answers',
    fault: (luck) => ({
      kind: 'truncate',
      as: luck.pick(['reset', 'complete'] as const),
      probability: 0.5,
    }),
  },
  { name: 'line: frozen watches', effects: unseeing, fault: () => ({ kind: 'freeze-watches' }) },
];

/** What a fault is put on, and whom it strikes there. */
interface Target {
  readonly election: string;
  readonly lines: readonly Line[];
  readonly strikes: (identity: string) => boolean;
}

/** The ways of some candidates, the leader's more often than not. */
function targetsOf({ crews, pods }: Stage, luck: Luck): (Target & { luck: Luck })[] {
  const ofCrews = crews.map((crew) => {
    const own = luck.fork(crew.name);
    const { leader, name } = crew;
    const struck = crew.berths.filter((berth) => own.chance(berth === leader ? 0.8 : 0.4));
    const lines = struck.map(({ line }) => line);
    return { election: name, lines, strikes: isOneOf(struck), luck: own };
  });
  const ofPods = pods.map((crew) => {
    const strikes = (identity: string) => crew.isFar(identity);
    return { election: crew.name, lines: [crew.line], strikes, luck: luck.fork(crew.name) };
  });
  return [...ofCrews, ...ofPods];
}

function asFault({ name, effects = unanswered, fault }: Weather): FaultKind {
  return {
    name,
    group: GROUP,
    play: async (stage, luck) => {
      const targets = targetsOf(stage, luck);
      const all = targets.map(async ({ election, lines, strikes, luck: own }) => {
        const end = stage.chronicle.begin({
          kind: name,
          target: lines.map((line) => line.name).join(', '),
          elections: [election],
          strikes,
          effects,
          codes: ['ERR_RELEASE_FAILED'],
        });
        const over = lines.map((line) => line.strike(fault(own)));
        try {
          await sleep(own.integer(1_000, 12_000));
        } finally {
          for (const one of over) one[Symbol.dispose]();
          end();
        }
      });
      await Promise.all(all);
    },
  };
}

export const lineFaults: readonly FaultKind[] = weathers.map(asFault);
