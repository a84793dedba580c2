import { duration, events, slotOrLeader } from '../draw.ts';
import type { Family } from '../family.ts';
import { targetName, targetOf } from './target.ts';

/** The ends of Pods, in every order in which a kubelet may report them. */
export const podEnds: Family = {
  name: 'pods',
  isBasic: true,
  draw: (luck, setting) =>
    events(luck, setting, luck.integer(1, 6), () => ({
      what: luck.pick(['delete', 'delete', 'evict', 'complete', 'replace', 'linger']),
      slot: slotOrLeader(luck, setting),
      // Its processes go on for so long after it was asked to go,
      lastMs: luck.chance(0.3) ? 0 : duration(luck, 30_000),
      // and its object for so long after they have ended.
      goneMs: luck.pick([0, 0, 1, 10, 100, duration(luck, 30_000)]),
      phase: luck.pick(['Failed', 'Succeeded']),
    })),
  kinds: {
    delete: {
      act: (world, event) => {
        const { podName } = world.slot(targetOf(world, event));
        world.pods.deleteGracefully(podName, event as never);
      },
      tell: (event) =>
        `${targetName(event)} is deleted: its processes last ${String(event['lastMs'])} ms, ` +
        `its object ${String(event['goneMs'])} ms longer`,
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
