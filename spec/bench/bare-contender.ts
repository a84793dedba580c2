import { BareClient } from '../scenarios/app/bare-client.ts';
import type { Candidate, Contender } from './contender.ts';
import { Signpost } from './signpost.ts';
import type { Arena, PodIdentity } from './target.ts';

/** The floor. */
export const bareContender: Contender = {
  name: 'bare client',
  succeedsEnded: false,

  start(arena: Arena, pod: PodIdentity): Candidate {
    const awaited = new Signpost<string>();
    const { namespace, lockName, access } = arena;
    const client = new BareClient({
      ...access,
      namespace,
      lockName,
      pod,
      onHeld: ({ uid }) => {
        awaited.set(uid);
      },
    });
    return {
      pod,
      leads: client.leads,
      waitsFor: (leaderUid) => awaited.reaches(leaderUid),
      stop: () => {
        client.stop();
      },
    };
  },
};
