import { Containers } from '../containers.ts';
import { anySlot, duration, events, slotOrLeader } from '../draw.ts';
import type { Details, Family, Kind } from '../family.ts';
import type { Process } from '../process.ts';
import type { Setting } from '../schedule.ts';
import type { World } from '../world.ts';
import { targetName, targetOf } from './target.ts';

/** What programs do by themselves: ask, give up, ask again; and end. */
export const processes: Family = {
  name: 'processes',
  isBasic: true,
  draw: (luck, setting) => [
    ...setting.slots.map((_, slot) => ({
      atMs: luck.chance(0.5) ? 0 : duration(luck, setting.troubleMs / 2),
      what: 'start',
      slot,
    })),
    ...events(luck, setting, luck.integer(0, 6), () => ({
      what: luck.pick(['start', 'again', 'finish', 'finish', 'finish', 'cancel', 'crash']),
      slot: slotOrLeader(luck, setting),
    })),
    ...events(luck, setting, luck.integer(0, 2), () => ({
      what: 'cancel',
      slot: anySlot(luck, setting),
    })),
  ],
  kinds: {
    start: {
      act: (world, event) => {
        const candidate = world.boot(targetOf(world, event));
        if (candidate && !candidate.isBusy) candidate.start();
      },
      tell: '{slot} shall ask to lead',
    },
    again: {
      act: (world, event) => world.boot(targetOf(world, event))?.start(),
      tell: '{slot} shall ask to lead, whether it does already or not',
    },
    finish: {
      act: (world, event) => targetOf(world, event).candidate?.finish(),
      tell: '{slot} shall give up what it leads',
    },
    cancel: {
      act: (world, event) => targetOf(world, event).candidate?.cancel(),
      tell: '{slot} shall wait no longer',
    },
    crash: {
      act: (world, event) => targetOf(world, event).candidate?.process.kill(),
      tell: 'the process of {slot} crashes',
    },
  },
};

/** The process that an event concerns, if it can do something. */
function running(world: World, event: Details): Process | undefined {
  const process = targetOf(world, event).candidate?.process;
  return process?.isRunning ? process : undefined;
}

function stop(process: Process): () => void {
  process.stop();
  return () => process.continue();
}

function stopping(tell: string): Kind {
  return {
    act: (world, event) => {
      const process = running(world, event);
      return process && stop(process);
    },
    tell,
  };
}

const suspending: Kind = {
  act: (world, event) => {
    const process = running(world, event);
    process?.suspend();
    return process && (() => process.resume());
  },
  tell: 'the machine of {slot} sleeps for {forMs} ms',
};

const wallClockSet = 'the wall clock of {slot} is set off by {offsetMs} ms';

/** Processes that stand still: stopped, or on a machine that sleeps; clocks that are set. */
export const pauses: Family = {
  name: 'pauses',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => ({
      what: luck.pick(['stop', 'suspend', 'set wall clock']),
      slot: slotOrLeader(luck, setting),
      forMs: duration(luck, 60_000, 1),
      offsetMs: luck.pick([-86_400_000, -3_600_000, -1_000, 1_000, 3_600_000, 86_400_000]),
    })),
  kinds: {
    stop: stopping('the process of {slot} is stopped for {forMs} ms'),
    suspend: suspending,
    'set wall clock': {
      act: (world, event) => targetOf(world, event).candidate?.clock.setWall(event.offsetMs),
      tell: wallClockSet,
    },
  },
};

/** The boot clock is coarse: a shorter sleep may go unnoticed, and would count for the clocks' ratio. */
const NOTICED_MS = 400;

/** Likewise for one of whole seconds, of a process whose clock is slow. */
const COARSELY_NOTICED_MS = 4_500;

/** The shortest sleep that an elector of these worlds notices for sure. */
export function noticedMs({ slots }: Pick<Setting, 'slots'>): number {
  return slots.some(({ clock }) => clock.isCoarse === true) ? COARSELY_NOTICED_MS : NOTICED_MS;
}

const OFFSETS_MS = [
  -86_400_000, -3_600_000, -10_000, -2_000, -1_000, -1, 500, 1_000, 2_000, 3_600_000, 86_400_000,
];

/** Electors stand still: stopped, or on a machine that sleeps. Wall clocks jump, or stand still. */
export const electorPauses: Family = {
  name: 'elector pauses',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => {
      const what = luck.pick(['stop elector', 'stop writer', 'suspend elector', 'jump', 'halt']);
      return {
        what,
        slot: slotOrLeader(luck, setting),
        forMs: duration(luck, 60_000, what === 'suspend elector' ? noticedMs(setting) : 1),
        offsetMs: luck.pick(OFFSETS_MS),
      };
    }),
  kinds: {
    'stop elector': stopping('{slot} is stopped for {forMs} ms'),
    'stop writer': {
      act: (world, event) => {
        const process = running(world, event);
        const { candidate } = targetOf(world, event);
        let isOver = !process;
        world.listen((fact) => {
          isOver ||= fact.type === 'phase';
          if (isOver || fact.type !== 'sent' || fact.who !== candidate) return;
          if (fact.sent.verb !== 'update' && fact.sent.verb !== 'create') return;
          isOver = true;
          if (candidate.isRunning) world.later(event.forMs, stop(candidate.process));
        });
      },
      tell: '{slot} is stopped for {forMs} ms with its next write',
    },
    'suspend elector': suspending,
    jump: {
      act: (world, event) => {
        // A node whose clock is set back while its containers restart is a documented limit.
        const isSet = targetOf(world, event).setting['inPod'] !== true;
        if (isSet) running(world, event)?.clock.setWall(event.offsetMs);
      },
      tell: wallClockSet,
    },
    halt: {
      act: (world, event) => {
        const { candidate } = targetOf(world, event);
        // What client-go writes would be the same then, and nobody could see that it lives.
        if (candidate?.isRunning && candidate.kind === 'lease') candidate.clock.haltWall();
      },
      tell: 'the wall clock of {slot} stands still from now on',
    },
  },
};

/** The Pods of electors: they end, or seem to. */
export const electorPods: Family = {
  name: 'elector pods',
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 4), () => ({
      what: luck.pick(['end pod', 'disguise', 'disguise']),
      slot: slotOrLeader(luck, setting),
      how: luck.pick(['evicted', 'gone']),
      as: luck.pick(['unready', 'wiped']),
      forMs: duration(luck, 30_000, 1),
    })),
  kinds: {
    'end pod': {
      act: (world, event) => {
        const slot = targetOf(world, event);
        if (slot.setting['inPod'] === true) world.observer(Containers).end(slot, event.how);
      },
      tell: 'the Pod of {slot} ends, and is {how}',
    },
    disguise: {
      act: (world, event) => {
        const slot = targetOf(world, event);
        if (slot.setting['inPod'] !== true) return undefined;
        return world.observer(Containers).disguise(slot, event.as);
      },
      tell: 'the container of {slot} is {as} in its status for {forMs} ms',
    },
  },
};

const POD_ENDS = [
  'delete',
  'delete',
  'delete again',
  'evict',
  'complete',
  'replace',
  'linger',
] as const;

/** The ends of Pods, in every order in which a kubelet may report them. */
export const podEnds: Family = {
  name: 'pods',
  isBasic: true,
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 6), () => ({
      what: luck.pick(POD_ENDS),
      slot: slotOrLeader(luck, setting),
      lastMs: luck.chance(0.3) ? 0 : duration(luck, 30_000),
      goneMs: luck.pick([0, 0, 1, 10, 100, duration(luck, 30_000)]),
      phase: luck.pick(['Failed', 'Succeeded']),
      wipes: luck.fork('wipes').chance(0.5),
      cascade: luck.fork('cascade').pick(['background', 'background', 'foreground']),
    })),
  kinds: {
    delete: {
      act: (world, event) =>
        world.pods.deleteGracefully(targetOf(world, event).podName, event, event.cascade),
      tell: (event) => {
        const how = event.cascade === 'foreground' ? ' in the foreground' : '';
        return `${targetName(event)} is deleted${how}: its processes last {lastMs} ms, its object {goneMs} ms longer`;
      },
    },
    'delete again': {
      act: (world, event) => world.pods.deleteAgain(targetOf(world, event).podName),
      tell: '{slot}, if it is being deleted, is deleted in the foreground',
    },
    evict: {
      act: (world, event) => world.pods.evict(targetOf(world, event).podName),
      tell: '{slot} is evicted',
    },
    complete: {
      act: (world, event) => world.pods.complete(targetOf(world, event).podName, event.phase),
      tell: '{slot} ends, and its Pod stays as {phase}',
    },
    replace: {
      act: (world, event) => {
        const slot = targetOf(world, event);
        world.pods.replace(slot);
        world.boot(slot)?.start();
      },
      tell: '{slot} is replaced by another Pod',
    },
    linger: {
      act: (world, event) => world.pods.linger(targetOf(world, event).podName, event),
      tell: '{slot} gets the phase {phase} although a container runs for another {lastMs} ms',
    },
  },
};
