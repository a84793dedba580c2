import { expect, test } from 'vitest';

import { describeWaiting } from '../../lib/life/waiting.ts';
import type { State } from '../../lib/protocol/life/state.ts';
import { ME, RIVAL, aLock, aPod, aReading, aState, lockWithout } from '../protocol/fixtures.ts';

const held = { lock: aLock(), holder: aReading() };
const free = { lock: undefined, holder: undefined };
const who = { holder: 'app-1', holderPod: 'app-1', holderUid: 'uid-of-app-1' };
const seen = { ...who, holderNode: 'n1', holderPhase: 'Running' };
const { nodeName: _, ...found } = aPod({ phase: 'Pending' });
const successor = aPod({ uid: 'successor', nodeName: 'n2', phase: 'Pending' });

const pod = 'Pod app-1 on node n1';
const gone = 'is gone; its lock is about to be freed';
const kept = 'the lock is being deleted, but finalizers keep it:';
const ended = 'the last leader has released the lock; it is about to be deleted';
const quota = 'a quota of the namespace does not allow another ConfigMap';

test.each([
  ['alive', 'held', `${pod} leads`],
  ['unknown', 'held', `${pod} leads`],
  ['terminating', 'holder-terminating', `${pod} leads, and is terminating`],
  ['finishing', 'holder-finishing', `${pod} has ended, but a container of it is still said to run`],
  ['finished', 'holder-finished', `${pod} has ended; its lock is about to be taken over`],
  ['gone', 'holder-gone', `${pod} ${gone}`],
  ['node-not-ready', 'node-not-ready', `${pod} leads, and its node is not ready`],
  ['lock-deleting', 'lock-deleting', `${kept} a/b, c/d`],
  ['quota', 'quota-exceeded', quota],
  ['released', 'released', ended],
  ['none', 'free', 'nobody holds the lock'],
  ['not-preferred', 'free', 'nobody holds the lock'],
] as const)(
  'while the obstacle is %s, the reason to wait is %s: %s',
  (obstacle, reason, message) => {
    const lock = aLock({ finalizers: ['a/b', 'c/d'] });
    const waiting = describeWaiting(aState({ ...held, lock, obstacle }), undefined);
    expect(waiting).toEqual({ reason, message, ...seen });
  },
);

const released = { lock: aLock({ released: true }), holder: undefined };
const unread = { ...held, holder: aReading('unreadable') };
const unscheduled = { ...held, holder: aReading(found) };
const namesake = { ...held, holder: aReading(successor) };
const ownerless = { lock: lockWithout('owner'), holder: aReading('absent') };
const inherited = {
  lock: aLock({ owner: ME, mark: ME }),
  holder: aReading(aPod({ deleting: true })),
  predecessors: [RIVAL],
};

test.each<[string, State['obstacle'], Partial<State>, string, object]>([
  ['no Pod while no lock exists', 'none', free, 'nobody holds the lock', {}],
  ['no Pod if none is known', 'alive', free, 'another Pod leads', {}],
  ['no finalizers if none are known', 'lock-deleting', free, `${kept} `, {}],
  ['no Pod once the lock is released', 'released', released, ended, {}],
  ['its predecessor', 'terminating', inherited, `${pod} leads, and is terminating`, seen],
  ['a Pod that was not read by what the lock says', 'unknown', unread, 'Pod app-1 leads', who],
  ['a Pod by our annotations without an owner', 'gone', ownerless, `Pod app-1 ${gone}`, who],
  ['a Pod of the same name as gone', 'gone', namesake, `Pod app-1 ${gone}`, who],
  [
    'no node before there is one',
    ...(['alive', unscheduled, 'Pod app-1 leads', { ...who, holderPhase: 'Pending' }] as const),
  ],
])('the reason names %s', (_, obstacle, state, message, holder) => {
  const waiting = describeWaiting(aState({ ...state, obstacle }), undefined);
  expect(waiting).toEqual({ reason: expect.any(String) as string, message, ...holder });
});

test('a failed request comes first, with the holder that is known', () => {
  const message = 'GET /x: connect ECONNREFUSED';
  const waiting = describeWaiting(aState({ ...held, obstacle: 'alive' }), new Error(message));
  expect(waiting).toEqual({ reason: 'api-unavailable', message, ...seen });
});

test('the message is one line without control characters, whatever the API server says', () => {
  const hostile = 'a\n\u001b[31m\u202eINJECTED';
  const lock = aLock({ finalizers: [hostile] });
  const keeping = describeWaiting(aState({ ...held, lock, obstacle: 'lock-deleting' }), undefined);
  expect(keeping.message).toMatch(/keep it: a {2}\[31m INJECTED$/);
  const holder = aReading(aPod({ nodeName: hostile }));
  const alive = describeWaiting(aState({ ...held, holder, obstacle: 'alive' }), undefined);
  expect(alive.message).toBe('Pod app-1 on node a  [31m INJECTED leads');
  // Programs get it as it is.
  expect(alive.holderNode).toBe(hostile);
});
