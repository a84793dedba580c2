import { duration, events, slotOrLeader } from '../draw.ts';
import type { Family } from '../family.ts';
import type { Event } from '../schedule.ts';
import { targetName, targetOf } from './target.ts';

/** The ends of Pods, in every order in which a kubelet may report them. */
export const podEnds: Family = {
  name: 'pods',
  isBasic: true,
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 6), () => ({
      what: luck.pick([
        'delete',
        'delete',
        'delete again',
        'evict',
        'complete',
        'replace',
        'linger',
      ]),
      slot: slotOrLeader(luck, setting),
      // Its processes go on for so long after it was asked to go,
      lastMs: luck.chance(0.3) ? 0 : duration(luck, 30_000),
      // and its object for so long after they have ended.
      goneMs: luck.pick([0, 0, 1, 10, 100, duration(luck, 30_000)]),
      phase: luck.pick(['Failed', 'Succeeded']),
      wipes: luck.fork('wipes').chance(0.5),
      cascade: luck.fork('cascade').pick(['background', 'background', 'foreground']),
    })),
  kinds: {
    delete: {
      act: (world, event) => {
        const { podName } = world.slot(targetOf(world, event));
        world.pods.deleteGracefully(podName, event as never, event['cascade'] as never);
      },
      tell: (event) =>
        `${targetName(event)} is deleted${inForeground(event)}: its processes last ${String(event['lastMs'])} ms, ` +
        `its object ${String(event['goneMs'])} ms longer`,
    },
    'delete again': {
      act: (world, event) => {
        world.pods.deleteAgain(world.slot(targetOf(world, event)).podName);
      },
      tell: (event) => `${targetName(event)}, if it is being deleted, is deleted in the foreground`,
    },
    evict: {
      act: (world, event) => {
        world.pods.evict(world.slot(targetOf(world, event)).podName);
      },
      tell: (event) => `${targetName(event)} is evicted`,
    },
    complete: {
      act: (world, event) => {
        world.pods.complete(world.slot(targetOf(world, event)).podName, event as never);
      },
      tell: (event) => `${targetName(event)} ends, and its Pod stays as ${String(event['phase'])}`,
    },
    replace: {
      act: (world, event) => {
        const slot = world.slot(targetOf(world, event));
        world.pods.replace(slot);
        world.boot(slot.index)?.start();
      },
      tell: (event) => `${targetName(event)} is replaced by another Pod`,
    },
    linger: {
      act: (world, event) => {
        const { podName } = world.slot(targetOf(world, event));
        world.pods.linger(podName, event as never);
      },
      tell: (event) =>
        `${targetName(event)} gets the phase ${String(event['phase'])} although a container runs ` +
        `for another ${String(event['lastMs'])} ms`,
    },
  },
};

function inForeground(event: Event): string {
  return event['cascade'] === 'foreground' ? ' in the foreground' : '';
}
