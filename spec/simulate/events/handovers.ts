import { anySlot, duration, events, moment, slotOrLeader } from '../draw.ts';
import type { Details, Family, Kind } from '../family.ts';
import { Illnesses, symptoms } from '../illnesses.ts';
import { recordOf } from '../lease-record.ts';
import { LeaseProcess } from '../lease-process.ts';
import type { Luck } from '../luck.ts';
import type { Event, Setting } from '../schedule.ts';
import type { Slot, World } from '../world.ts';
import { patchLease, patchLock } from './lock.ts';
import { targetOf, targetsOf } from './target.ts';

/** Who is asked to hand over: the holder of that moment, another candidate, or nobody that there is. */
export type Whom = 'holder' | 'another' | 'nobody';

const STEP_DOWN = 'leader-for-life/step-down';

const steppingDown: Kind = {
  act: (world, event) => targetOf(world, event).candidate?.stepDown?.(),
  tell: '{slot} steps down',
};

/** Asks the one that is meant now; the request is stored later, when another one may hold the lock. */
function asking(
  nameOf: (world: World, event: Details) => string,
  ask: (world: World, name: string) => void,
  tell: string,
): Kind {
  return {
    act: (world, event) => {
      const name = event.whom === 'nobody' ? 'nobody' : nameOf(world, event);
      world.later(event.delayMs, () => {
        ask(world, name);
      });
    },
    tell,
  };
}

function podName(world: World, event: Details): string {
  const holder = event.whom === 'holder' ? world.truth.lock?.holderName : undefined;
  return holder ?? targetOf(world, event).podName;
}

function identity(world: World, event: Details): string {
  const { holderIdentity } = recordOf(world.cluster.getLease('lock'));
  if (event.whom === 'holder') return holderIdentity;
  const { candidate } = targetOf(world, event);
  return candidate instanceof LeaseProcess ? candidate.identity : 'nobody';
}

/** What may happen to a leader at the moment when it is asked to hand over. */
const MEANWHILE = ['finish', 'crash', 'cancel', 'again'] as const;

function stepDowns(name: string, asked: Readonly<Record<string, Kind>>): Family {
  const draw = (luck: Luck, setting: Setting): Event[] => {
    const atMs = moment(luck, setting);
    const what = luck.chance(0.4) ? 'step down' : luck.pick(Object.keys(asked));
    const details = {
      slot: what === 'step down' ? slotOrLeader(luck, setting) : anySlot(luck, setting),
      ...(what !== 'step down' && {
        whom: luck.pick(['holder', 'holder', 'holder', 'another', 'nobody']),
        delayMs: luck.pick([0, 0, 0, duration(luck, 5_000)]),
      }),
    };
    const other = { atMs: atMs + duration(luck, 200), what: luck.pick(MEANWHILE), slot: 'leader' };
    return [{ atMs, what, ...details }, ...(luck.chance(0.3) ? [other] : [])];
  };
  return {
    name,
    draw: (luck, setting) =>
      Array.from({ length: luck.integer(1, 4) }, () => draw(luck, setting)).flat(),
    kinds: { 'step down': steppingDown, ...asked },
  };
}

/** A leader hands over of its own accord, or somebody writes into the lock that it shall. */
export const lifeStepDowns = stepDowns('step-downs', {
  'ask holder': asking(
    podName,
    (world, name) => {
      patchLock(world, { annotations: { [STEP_DOWN]: name } });
    },
    'the lock asks {whom} to step down, {delayMs} ms later',
  ),
});

export const leaseStepDowns = stepDowns('step-downs of electors', {
  'ask elector': asking(
    identity,
    (world, name) => {
      patchLease(world, { metadata: { annotations: { [STEP_DOWN]: name } } });
    },
    'the Lease asks {whom} to step down, {delayMs} ms later',
  ),
  'prefer elector': asking(
    identity,
    (world, name) => {
      const spec = { strategy: 'OldestEmulationVersion', preferredHolder: name };
      patchLease(world, { spec });
    },
    'the Lease prefers {whom}, {delayMs} ms later',
  ),
});

/** Whether somebody else can lead in the end. */
function canBeSpared(world: World, { index, setting }: Slot): boolean {
  const illnesses = world.observer(Illnesses);
  const isForLife = setting.kind === 'life';
  return world.slots.some(
    (other) =>
      other.index !== index &&
      (other.setting.kind === 'life') === isForLife &&
      other.setting['uid'] !== 'wrong' &&
      !illnesses.isIncurable(other.index),
  );
}

/** Candidates whose health checks fail for a while; all but the first, perhaps for good. */
export const illness: Family = {
  name: 'illness',
  draw: (luck, setting) => {
    if (!setting.slots.some(({ health }) => health !== undefined)) return [];
    return [
      ...events(luck, setting, luck.integer(1, 4), () => ({
        what: 'fall ill',
        slot: luck.chance(0.2) ? 'everybody' : slotOrLeader(luck, setting),
        symptom: luck.pick(symptoms),
        forMs: duration(luck, 60_000, 1),
      })),
      ...events(luck, setting, luck.integer(0, 1), () => ({
        what: 'fall ill for good',
        slot: anySlot(luck, setting),
        symptom: luck.pick(symptoms),
      })),
    ];
  },
  kinds: {
    'fall ill': {
      act: (world, event) => {
        const illnesses = world.observer(Illnesses);
        const ends = targetsOf(world, event).map(({ index }) =>
          illnesses.strike(index, event.symptom),
        );
        return () => {
          for (const end of ends) end();
        };
      },
      tell: 'the health check of {slot} {symptom} for {forMs} ms',
    },
    'fall ill for good': {
      act: (world, event) => {
        const slot = targetOf(world, event);
        if (slot.setting['health'] === undefined || !canBeSpared(world, slot)) return;
        world.observer(Illnesses).strike(slot.index, event.symptom, true);
      },
      tell: 'the health check of {slot} {symptom} from now on',
    },
  },
};
