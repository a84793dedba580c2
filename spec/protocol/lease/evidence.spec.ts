import { describe } from 'vitest';
import type { HolderContainer, LockVersion } from '../../../lib/protocol/lease/record.ts';
import type { Event } from '../../../lib/protocol/lease/state.ts';
import {
  after,
  aFollower,
  aLeader,
  aVersion,
  aWatcher,
  decisions,
  refused,
  seen,
} from './fixtures.ts';

const old: HolderContainer = {
  ...{ podName: 'pod', podUid: 'uid', containerName: 'app', containerId: 'containerd://1' },
  since: '2026-01-01T00:00:00.000Z',
};
const next = { ...old, containerId: 'containerd://2' };
const ended: Event = { type: 'holder-ended', container: old };

/** The holder's record, as written in this container. */
function writtenIn(container: HolderContainer, resourceVersion = '9'): LockVersion {
  return { ...aVersion(resourceVersion, { holderIdentity: 'other' }), container };
}

describe('LEASE-2: the end of a container', () => {
  decisions(() => aWatcher(writtenIn(old)), {
    'frees the lock that its process holds': [[100, ended], 'decides at 100'],
    'frees it although a late renewal comes': [
      [100, ended, seen({ ...writtenIn(old, '10') })],
      'decides at 100',
    ],
    'frees nothing for its own holder when another has taken over': [
      [100, seen(writtenIn(next, '10')), ended],
      { heldUntilMs: 15_100 },
    ],
    'says nothing about the next container, even if that writes the same record': [
      [100, ended, seen(writtenIn(next, '10'))],
      { heldUntilMs: 15_100 },
    ],
  });

  decisions(() => after(aFollower(writtenIn(old)), 2_000, { type: 'time-up' }, refused()), {
    'does not hurry a retry': [[2_001, ended], 'reads at 2100'],
  });

  decisions(() => after(aFollower(writtenIn(old))), {
    'frees the lock without a watch, too': [[100, ended], 'decides at 100'],
  });
});

describe('a leader whose container becomes known', () => {
  decisions(aLeader, {
    'says so at once': [[100, { type: 'container-known' }], 'leads, updates'],
  });
});
