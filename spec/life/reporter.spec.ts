import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../lib/kubernetes/outcome.ts';
import { roleYaml } from '../../lib/kubernetes/role.ts';
import { Reporter } from '../../lib/life/reporter.ts';
import type { State } from '../../lib/protocol/life/state.ts';
import { EventStream } from '../../lib/events/stream.ts';
import type { WaitingState } from '../../lib/events/waiting.ts';
import { aLock, aPod, aReading, aState } from '../protocol/fixtures.ts';
import { ManualClock } from '../support/manual-clock.ts';

const context = { lockName: 'my-lock', namespace: 'prod', podName: 'app-0', takeOver: false };
const broken = new Error('GET /x: connect ECONNREFUSED');

let clock: ManualClock;
let lines: string[];
let warnings: { message: string; code: string }[];
let told: WaitingState[];
let observer: Reporter;

function observe(onWaiting?: (state: WaitingState) => void): Reporter {
  const warn = (message: string, code: string) => warnings.push({ message, code });
  const subject = { mode: 'life' as const, name: 'my-lock', namespace: 'prod', identity: 'app-0' };
  const log = (line: string) => lines.push(line);
  const events = new EventStream({ clock, subject, onEvent: undefined, log, warn });
  return new Reporter(events, clock, context, onWaiting);
}

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  warnings = [];
  told = [];
  observer = observe((state) => told.push(state));
});

const waiting = (changes: Partial<State> = {}) =>
  aState({
    command: { do: 'wait', untilMs: 0 },
    lock: aLock(),
    holder: aReading(aPod()),
    obstacle: 'alive',
    ...changes,
  });

function forbidden(message = 'pods is forbidden: User "system:serviceaccount:prod:app" cannot') {
  return new ApiError({ status: 403, reason: 'Forbidden', message, causes: [] }, 'GET /x');
}

describe('an observer tells of a wait', () => {
  it('who holds the lock, why it is not free, and since when', () => {
    expect(observer.last).toBeUndefined();
    observer.onState(waiting(), undefined);
    const state = {
      lockName: 'my-lock',
      namespace: 'prod',
      reason: 'held',
      message: 'Pod app-1 on node n1 leads',
      holder: 'app-1',
      holderPod: 'app-1',
      holderUid: 'uid-of-app-1',
      holderNode: 'n1',
      holderPhase: 'Running',
      since: clock.date(),
    };
    expect(told).toEqual([state]);
    expect(observer.last).toEqual(state);
    expect(lines).toEqual(['prod/my-lock: Pod app-1 on node n1 leads']);
    expect(warnings).toEqual([]);
  });

  it('once, until it changes', async () => {
    observer.onState(waiting(), undefined);
    await clock.advance(5_000);
    observer.onState(waiting({ polls: 3, candidateCount: 9 }), undefined);
    expect(told).toHaveLength(1);
    const since = observer.last?.since;
    observer.onState(waiting({ obstacle: 'terminating' }), undefined);
    expect(told.map(({ reason }) => reason)).toEqual(['held', 'holder-terminating']);
    expect(observer.last?.since.getTime()).toBe((since?.getTime() ?? 0) + 5_000);
  });

  it.each([
    ['the reason', waiting({ obstacle: 'node-not-ready' })],
    ['the holder', waiting({ lock: aLock({ owner: { name: 'app-1', uid: 'other' } }) })],
    ['the node', waiting({ holder: aReading(aPod({ nodeName: 'n2' })) })],
    ['the phase', waiting({ holder: aReading(aPod({ phase: 'Pending' })) })],
  ])('again when %s changes', (_, state) => {
    observer.onState(waiting(), undefined);
    observer.onState(state, undefined);
    observer.onState(waiting(), undefined);
    expect(told).toHaveLength(3);
    expect(lines).toHaveLength(3);
  });

  it.each([{ do: 'inspect', search: false }, { do: 'identify' }] as const)(
    'only while it waits, not at %o',
    (command) => {
      observer.onState(waiting({ command }), undefined);
      expect([told, lines]).toEqual([[], []]);
    },
  );

  it('also without anybody to tell', () => {
    observer = observe();
    observer.onState(waiting(), undefined);
    expect(observer.last).toMatchObject({ reason: 'held' });
    expect(lines).toHaveLength(1);
  });

  it('once more after somebody did not want to hear it', () => {
    const onWaiting = vi.fn(() => {
      throw new Error('oops\nsecond line');
    });
    observer = observe(onWaiting);
    observer.onState(waiting(), undefined);
    observer.onState(waiting({ obstacle: 'terminating' }), undefined);
    expect(onWaiting).toHaveBeenCalledTimes(2);
    expect(warnings).toEqual([
      {
        message: 'options.onWaiting threw: oops\nsecond line',
        code: 'LEADER_FOR_LIFE_ON_WAITING',
      },
    ]);
  });

  it('also somebody who throws what is no error', () => {
    observer = observe(() => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      throw 'oops';
    });
    observer.onState(waiting(), undefined);
    expect(warnings[0]?.message).toBe('options.onWaiting threw: oops');
  });
});

describe('an observer tells of trouble', () => {
  it('at once to whoever listens', () => {
    observer.onState(waiting({ command: { do: 'inspect', search: false } }), broken);
    expect(told).toMatchObject([{ reason: 'api-unavailable', message: broken.message }]);
    expect(lines).toEqual([`prod/my-lock: ${broken.message}`]);
    expect(warnings).toEqual([]);
  });

  it('and of its end', () => {
    observer.onState(waiting(), undefined);
    observer.onState(waiting({ command: { do: 'inspect', search: false } }), broken);
    observer.onState(waiting(), undefined);
    expect(told.map(({ reason }) => reason)).toEqual(['held', 'api-unavailable', 'held']);
  });

  it('by a warning, once it has lasted for ten seconds', async () => {
    observer.onState(waiting(), broken);
    await clock.advance(9_999);
    observer.onState(waiting(), broken);
    expect(warnings).toEqual([]);
    await clock.advance(1);
    for (let i = 0; i < 3; i++) observer.onState(waiting(), broken);
    expect(warnings).toEqual([
      {
        message: `prod/my-lock: still trying: ${broken.message}`,
        code: 'LEADER_FOR_LIFE_TROUBLE',
      },
    ]);
  });

  it('that is a quota: by its name, and by a warning once it has lasted', async () => {
    const spent = () => waiting({ lock: undefined, holder: undefined, obstacle: 'quota' });
    const message = 'configmaps "my-lock" is forbidden: exceeded quota: few, requested: count=1';
    observer.onQuota(forbidden(message));
    observer.onState(spent(), undefined);
    expect(told).toMatchObject([
      {
        reason: 'quota-exceeded',
        message: 'quota few of the namespace does not allow another ConfigMap',
      },
    ]);
    await clock.advance(9_999);
    observer.onState(spent(), undefined);
    expect(warnings).toEqual([]);
    await clock.advance(1);
    for (let i = 0; i < 3; i++) observer.onState(spent(), undefined);
    expect(warnings).toEqual([
      {
        message:
          'prod/my-lock: still trying: ConfigMap prod/my-lock: GET /x: 403 Forbidden: ' +
          `${message}. Quota few of namespace prod is used up. Raise it, or delete something that ` +
          'it counts: kubectl describe quota few -n prod',
        code: 'LEADER_FOR_LIFE_TROUBLE',
      },
    ]);
  });

  it('that was a quota no longer, once the lock is there', async () => {
    observer.onQuota(forbidden('configmaps is forbidden: exceeded quota: few, requested: count=1'));
    observer.onState(waiting({ obstacle: 'quota' }), undefined);
    await clock.advance(9_000);
    observer.onState(waiting(), undefined);
    await clock.advance(9_000);
    observer.onState(waiting(), undefined);
    expect(told.map(({ reason }) => reason)).toEqual(['quota-exceeded', 'held']);
    expect(warnings).toEqual([]);
  });

  it('by no warning where it ended in between', async () => {
    observer.onState(waiting(), broken);
    await clock.advance(9_000);
    observer.onState(waiting(), undefined);
    await clock.advance(9_000);
    observer.onState(waiting(), broken);
    await clock.advance(9_000);
    observer.onState(waiting(), broken);
    expect(warnings).toEqual([]);
  });
});

describe('an observer warns', () => {
  it.each([
    [
      'pods',
      'the lock is only taken over once the garbage collector has freed it, ' +
        'and the Pod UID is not verified',
    ],
    ['watch', 'the lock is polled instead of watched, so a takeover takes longer'],
    ['crowd', 'candidates cannot tell how many they are, so a handover may cost more requests'],
  ] as const)('of a missing right (%s), with the complete Role', (what, lost) => {
    const error = forbidden();
    observer.onDegraded(what, error);
    const user = 'system:serviceaccount:prod:app';
    const role = roleYaml({ namespace: 'prod', lockName: 'my-lock', takeOver: false, user });
    expect(warnings).toEqual([
      {
        message:
          `${error.message}. The election of prod/my-lock continues without this right, but ${lost}. ` +
          `Allow it with kubectl apply -f - and this input:\n\n${role}`,
        code: 'LEADER_FOR_LIFE_DEGRADED',
      },
    ]);
  });

  it('of a missing right once, but logs each', () => {
    observer.onDegraded('pods', forbidden());
    observer.onDegraded('watch', forbidden());
    expect(warnings).toHaveLength(1);
    expect(lines).toHaveLength(2);
  });

  it('of a missing right of somebody that it does not know', () => {
    observer.onDegraded('pods', forbidden('pods is forbidden: User "alice" cannot'));
    const role = roleYaml({ namespace: 'prod', lockName: 'my-lock', takeOver: false });
    expect(warnings[0]?.message.endsWith(`, and bind the Role to alice:\n\n${role}`)).toBe(true);
  });

  it('of a refusal that no Role mends, without one', () => {
    observer.onDegraded('pods', forbidden('pods is forbidden: User "system:anonymous" cannot'));
    expect(warnings[0]?.message).toContain('continues without this right, but');
    expect(warnings[0]?.message).toContain('No credentials reached the API server');
    expect(warnings[0]?.message).not.toContain('kind: Role');
  });

  it('of a lock that may be left behind', () => {
    observer.onLeftBehind(broken);
    expect(warnings).toEqual([
      {
        message:
          'The lock prod/my-lock may be left behind, owned by Pod app-0: it could not be taken ' +
          `back: ${broken.message}. It is freed when that Pod is gone.`,
        code: 'LEADER_FOR_LIFE_LEFT_BEHIND',
      },
    ]);
  });

  it('of a lock that is not guarded any more', () => {
    observer.onUnguarded('the reason');
    expect(warnings).toEqual([
      {
        message: 'The lock prod/my-lock is not guarded any more: the reason.',
        code: 'LEADER_FOR_LIFE_UNGUARDED',
      },
    ]);
  });

  it('of different things, each once', () => {
    observer.onLeftBehind(broken);
    observer.onUnguarded(broken);
    observer.onUnguarded(broken);
    expect(warnings).toHaveLength(2);
  });

  it('without letting the API server draw on the screen', () => {
    observer.onUnguarded(new Error('\u001b[2Jgone\u0007'));
    expect(warnings[0]?.message).toMatch(/:  \[2Jgone \.$/);
  });
});
