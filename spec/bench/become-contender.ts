import { become } from 'leader-for-life';

import type { Candidate, Contender } from './contender.ts';
import { Signpost } from './signpost.ts';
import type { Arena, PodIdentity } from './target.ts';

/** This library. */
export const becomeContender: Contender = {
  name: 'become',
  succeedsEnded: true,

  start(arena: Arena, pod: PodIdentity): Candidate {
    const stop = new AbortController();
    const awaited = new Signpost<string>();
    const { namespace, lockName, kubeConfig } = arena;
    const leadership = become(lockName, {
      kubeConfig,
      namespace,
      podName: pod.name,
      podUid: pod.uid,
      signal: stop.signal,
      onWaiting: ({ reason, holderUid, holderPhase }) => {
        // Once the phase is known, everything is read and watched.
        if (reason === 'held' && holderPhase !== undefined) awaited.set(holderUid ?? '');
      },
    });
    leadership.catch(() => undefined);
    return {
      pod,
      leads: leadership,
      waitsFor: (leaderUid) => awaited.reaches(leaderUid),
      stop: () => {
        stop.abort(new Error('the benchmark is over'));
      },
    };
  },
};
