import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../lib/errors.ts';
import type { Component } from '../cluster/component.ts';
import { control } from '../cluster/component.ts';
import { askEtcd } from '../lab/etcd.ts';
import { insist } from './insist.ts';
import { needless, unanswered } from './recovery.ts';
import type { FaultKind, Stage } from './stage.ts';
import type { End } from './trouble.ts';

const GROUP = 'control plane';

/** What gives up a lock cannot wait for ever for an API server that is down. */
const CODES: readonly ErrorCode[] = ['ERR_RELEASE_FAILED'];

function begin({ chronicle }: Stage, kind: string, target: string, codes = CODES): End {
  const effects = target === 'kube-controller-manager' ? needless : unanswered;
  return chronicle.begin({ kind, target, effects, codes });
}

function stopped(component: Component): FaultKind {
  const name = `${component} stopped`;
  return {
    name,
    group: GROUP,
    play: async (stage, luck) => {
      const power = control(stage.cluster, component);
      const end = begin(stage, name, component);
      await power.stop();
      try {
        await sleep(luck.integer(1_000, 9_000));
      } finally {
        await power.continue();
        end();
      }
    },
  };
}

function killed(component: Component): FaultKind {
  const name = `${component} killed`;
  return {
    name,
    group: GROUP,
    play: async (stage, luck) => {
      const power = control(stage.cluster, component);
      // One that starts again does not know at once who may do what.
      const end = begin(stage, name, component, [...CODES, 'ERR_FORBIDDEN']);
      await power.kill();
      try {
        await sleep(luck.integer(200, 5_000));
      } finally {
        await power.restart();
        // What was cut off finds back in its own time, minutes at worst.
        await control(stage.cluster, 'kube-controller-manager').restart();
        end();
      }
    },
  };
}

/** What etcd does when its file has reached its quota: it reads and deletes, and writes no more. */
const outOfSpace: FaultKind = {
  name: 'etcd out of space',
  group: GROUP,
  play: async (stage, luck) => {
    const end = begin(stage, outOfSpace.name, 'etcd');
    await askEtcd(stage.cluster, 'maintenance/alarm', { action: 'ACTIVATE', alarm: 'NOSPACE' });
    try {
      await sleep(luck.integer(1_000, 9_000));
    } finally {
      await insist('disarming etcd’s alarm', () =>
        askEtcd(stage.cluster, 'maintenance/alarm', { action: 'DEACTIVATE', alarm: 'NOSPACE' }),
      );
      end();
    }
  },
};

export const controlPlaneFaults: readonly FaultKind[] = [
  stopped('kube-apiserver'),
  killed('kube-apiserver'),
  stopped('etcd'),
  killed('etcd'),
  outOfSpace,
  stopped('kube-controller-manager'),
];
