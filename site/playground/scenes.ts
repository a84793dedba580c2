import type { Action, Setting } from './schedule.ts';

/** What the docs explain, as a run of its own with words beside it. */
export interface Scene {
  readonly title: string;
  readonly setting: Setting;
  /** How fast it plays at first. */
  readonly speed: number;
  readonly endMs: number;
  readonly actions: readonly Action[];
  /** What to look at, from then on. */
  readonly captions: readonly { readonly atMs: number; readonly text: string }[];
}

const life = { mode: 'life', pods: 3, seed: 1, compared: true } as const;
const lease = { mode: 'lease', pods: 3, seed: 1, compared: true } as const;

export const SCENES: Readonly<Record<string, Scene>> = {
  'node-lost': {
    title: 'A node is lost',
    setting: life,
    speed: 10,
    endMs: 90_000,
    actions: [{ atMs: 5_000, what: 'node', pod: 'leader' }],
    captions: [
      { atMs: 0, text: 'Three Pods start. One becomes the leader; the others wait.' },
      {
        atMs: 5_000,
        text: 'The network of the leader’s node fails. The leader goes on, but nobody hears of it.',
      },
      {
        atMs: 45_000,
        text:
          'Kubernetes marks the node as not ready. operator-lib deletes the lock, and a second Pod ' +
          'leads beside the first. become waits: nothing proves that the first has stopped.',
      },
    ],
  },
  'node-lost-lease': {
    title: 'A node is lost, with a lease',
    setting: lease,
    speed: 4,
    endMs: 40_000,
    actions: [{ atMs: 5_000, what: 'node', pod: 'leader' }],
    captions: [
      { atMs: 0, text: 'Three Pods start. One of them holds the Lease and renews it every 2 s.' },
      {
        atMs: 5_000,
        text: 'The network of the leader’s node fails. Its renewals no longer arrive.',
      },
      {
        atMs: 15_000,
        text: 'The leader stops 10 s after its last renewal. Another Pod leads after 15 s.',
      },
    ],
  },
  stopped: {
    title: 'The leader is stopped for 20 s',
    setting: lease,
    speed: 4,
    endMs: 40_000,
    actions: [{ atMs: 5_000, what: 'stop', pod: 'leader', forMs: 20_000 }],
    captions: [
      { atMs: 0, text: 'One Pod holds the Lease and renews it every 2 s.' },
      { atMs: 5_000, text: 'The leader’s process stops (SIGSTOP). It cannot renew.' },
      { atMs: 20_000, text: 'The Lease has expired, and another Pod leads.' },
      {
        atMs: 25_000,
        text:
          'The old leader wakes up. Its signal asks the clock, so it knows at once that it no ' +
          'longer leads. client-go’s leader works on for 10 s, beside the new one.',
      },
    ],
  },
  rolling: {
    title: 'A rolling update',
    setting: life,
    speed: 2,
    endMs: 20_000,
    actions: [{ atMs: 3_000, what: 'roll' }],
    captions: [
      { atMs: 0, text: 'Three Pods of the old version; one of them leads.' },
      {
        atMs: 3_000,
        text: 'The Deployment starts a new Pod, then deletes an old one, until all are new.',
      },
      {
        atMs: 5_000,
        text:
          'The old leader ends its work and releases the lock, and the next Pod leads within ' +
          'milliseconds. With operator-lib the next Pod finds out when it polls.',
      },
    ],
  },
  'lock-deleted': {
    title: 'Someone deletes the lock',
    setting: life,
    speed: 1,
    endMs: 12_000,
    actions: [{ atMs: 4_000, what: 'lock' }],
    captions: [
      { atMs: 0, text: 'The lock is a ConfigMap that the leader’s Pod owns.' },
      {
        atMs: 4_000,
        text:
          'Someone deletes it by hand. The lock is the truth about who leads, so no promise covers ' +
          'this. With guard, the old leader stops as soon as it hears of it; operator-lib’s never does.',
      },
    ],
  },
};
