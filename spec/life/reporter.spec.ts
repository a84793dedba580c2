import { beforeEach, describe, expect, test } from 'vitest';

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
let reporter: Reporter;

function reporterTo(onWaiting?: (state: WaitingState) => void): Reporter {
  const warn = (message: string, code: string) => warnings.push({ message, code });
  const subject = { mode: 'life' as const, name: 'my-lock', namespace: 'prod', identity: 'app-0' };
  const log = (line: string) => lines.push(line);
  const events = new EventStream({ clock, subject, onEvent: undefined, log, warn });
  const nothing = { metrics: undefined, recordEvent: undefined };
  return new Reporter({ ...nothing, clock, events, context, onWaiting });
}

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  warnings = [];
  told = [];
  reporter = reporterTo((state) => told.push(state));
});

const waiting = (changes: Partial<State> = {}) =>
  aState({
    command: { do: 'wait', untilMs: 0 },
    lock: aLock(),
    holder: aReading(aPod()),
    obstacle: 'alive',
    ...changes,
  });

/** Almost ten seconds pass after each. */
async function report(...states: (readonly [State, Error?])[]): Promise<string[]> {
  for (const [state, trouble] of states) {
    reporter.onState(state, trouble);
    await clock.advance(9_999);
  }
  return told.map(({ reason }) => reason);
}

function forbidden(message = 'pods is forbidden: User "system:serviceaccount:prod:app" cannot') {
  return new ApiError({ status: 403, reason: 'Forbidden', message, causes: [] }, 'GET /x');
}

describe('a wait is told', () => {
  test('with the holder of the lock, why it is not free, and since when', () => {
    expect(reporter.last).toBeUndefined();
    reporter.onState(waiting(), undefined);
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
    expect([told, reporter.last]).toEqual([[state], state]);
    expect(lines).toEqual(['prod/my-lock: Pod app-1 on node n1 leads']);
    expect(warnings).toEqual([]);
  });

  test('once, until it changes', async () => {
    const since = clock.date().getTime();
    const same = waiting({ polls: 3, candidateCount: 9 });
    const changed = waiting({ obstacle: 'terminating' });
    const reasons = await report([waiting()], [same], [changed]);
    expect(reasons).toEqual(['held', 'holder-terminating']);
    expect(reporter.last?.since.getTime()).toBe(since + 2 * 9_999);
  });

  test.each([
    ['reason', waiting({ obstacle: 'node-not-ready' })],
    ['holder', waiting({ lock: aLock({ owner: { name: 'app-1', uid: 'other' } }) })],
    ['node', waiting({ holder: aReading(aPod({ nodeName: 'n2' })) })],
    ['phase', waiting({ holder: aReading(aPod({ phase: 'Pending' })) })],
  ])('again when the %s changes', async (_, state) => {
    expect(await report([waiting()], [state], [waiting()])).toHaveLength(3);
    expect(lines).toHaveLength(3);
  });

  test.each([{ do: 'inspect', search: false }, { do: 'identify' }] as const)(
    'not while the command is %o',
    async (command) => {
      expect(await report([waiting({ command })])).toEqual([]);
      expect(lines).toEqual([]);
    },
  );

  test('to the log if there is no onWaiting', async () => {
    reporter = reporterTo();
    await report([waiting()]);
    expect(reporter.last).toMatchObject({ reason: 'held' });
    expect(lines).toHaveLength(1);
  });

  test.each(['oops', new Error('oops')])(
    'again to an onWaiting that threw %o, with one warning',
    async (thrown) => {
      reporter = reporterTo((state) => {
        told.push(state);
        throw thrown as Error;
      });
      expect(await report([waiting()], [waiting({ obstacle: 'terminating' })])).toHaveLength(2);
      const code = 'LEADER_FOR_LIFE_ON_WAITING';
      expect(warnings).toEqual([{ message: 'options.onWaiting threw: oops', code }]);
    },
  );
});

describe('trouble', () => {
  const inspecting = waiting({ command: { do: 'inspect', search: false } });

  test('is told at once, and its end too', async () => {
    const reasons = await report([waiting()], [inspecting, broken], [waiting()]);
    expect(reasons).toEqual(['held', 'api-unavailable', 'held']);
    expect(told[1]?.message).toBe(broken.message);
    expect(lines).toContain(`prod/my-lock: ${broken.message}`);
    expect(warnings).toEqual([]);
  });

  test('is warned of once, when it has lasted for ten seconds', async () => {
    await report([waiting(), broken]);
    reporter.onState(waiting(), broken);
    expect(warnings).toEqual([]);
    await clock.advance(1);
    for (let i = 0; i < 3; i++) reporter.onState(waiting(), broken);
    const message = `prod/my-lock: still trying: ${broken.message}`;
    expect(warnings).toEqual([{ message, code: 'LEADER_FOR_LIFE_TROUBLE' }]);
  });

  test('is not warned of if it ended in between', async () => {
    await report([waiting(), broken], [waiting()], [waiting(), broken], [waiting(), broken]);
    expect(warnings).toEqual([]);
  });

  test('that is a quota is told with its name, and warned of when it has lasted', async () => {
    const spent = waiting({ lock: undefined, holder: undefined, obstacle: 'quota' });
    const refusal = 'configmaps "my-lock" is forbidden: exceeded quota: few, requested: count=1';
    reporter.onQuota(forbidden(refusal));
    expect(await report([spent])).toEqual(['quota-exceeded']);
    expect(told[0]?.message).toBe('quota few of the namespace does not allow another ConfigMap');
    expect(warnings).toEqual([]);
    await report([spent], [spent], [spent]);
    const message =
      `prod/my-lock: still trying: ConfigMap prod/my-lock: GET /x: 403 Forbidden: ${refusal}. ` +
      'Quota few of namespace prod is used up. Raise it, or delete something that it counts: ' +
      'kubectl describe quota few -n prod';
    expect(warnings).toEqual([{ message, code: 'LEADER_FOR_LIFE_TROUBLE' }]);
  });

  test('that was a quota ends once the lock is there', async () => {
    reporter.onQuota(forbidden('configmaps is forbidden: exceeded quota: few, requested: count=1'));
    const reasons = await report([waiting({ obstacle: 'quota' })], [waiting()], [waiting()]);
    expect(reasons).toEqual(['quota-exceeded', 'held']);
    expect(warnings).toEqual([]);
  });
});

describe('a missing right', () => {
  test.each([
    [
      'pods',
      'the lock is only taken over once the garbage collector has freed it, ' +
        'and the Pod UID is not verified',
    ],
    ['watch', 'the lock is polled instead of watched, so a takeover takes longer'],
    ['crowd', 'candidates cannot tell how many they are, so a handover may cost more requests'],
  ] as const)('(%s) is warned of, with the complete Role', (what, lost) => {
    const error = forbidden();
    reporter.onDegraded(what, error);
    const user = 'system:serviceaccount:prod:app';
    const role = roleYaml({ namespace: 'prod', lockName: 'my-lock', takeOver: false, user });
    const message =
      `${error.message}. The election of prod/my-lock continues without this right, but ${lost}. ` +
      `Allow it with kubectl apply -f - and this input:\n\n${role}`;
    expect(warnings).toEqual([{ message, code: 'LEADER_FOR_LIFE_DEGRADED' }]);
  });

  test('is warned of once, but each is logged', () => {
    reporter.onDegraded('pods', forbidden());
    reporter.onDegraded('watch', forbidden());
    expect([warnings.length, lines.length]).toEqual([1, 2]);
  });

  test('of a user that is no service account: the Role has no binding', () => {
    reporter.onDegraded('pods', forbidden('pods is forbidden: User "alice" cannot'));
    const role = roleYaml({ namespace: 'prod', lockName: 'my-lock', takeOver: false });
    expect(warnings[0]?.message.endsWith(`, and bind the Role to alice:\n\n${role}`)).toBe(true);
  });

  test('of an anonymous user: no Role helps, so none is told', () => {
    reporter.onDegraded('pods', forbidden('pods is forbidden: User "system:anonymous" cannot'));
    const message = warnings[0]?.message;
    expect(message).toContain('continues without this right, but');
    expect(message).toContain('No credentials reached the API server');
    expect(message).not.toContain('kind: Role');
  });
});

test('a lock that may be left behind, and a guard that has ended, are warned of once each', () => {
  reporter.onLeftBehind(broken);
  for (const reason of ['the reason', broken]) reporter.onUnguarded(reason);
  const leftBehind =
    'The lock prod/my-lock may be left behind, owned by Pod app-0: it could not be taken ' +
    `back: ${broken.message}. It is freed when that Pod is gone.`;
  const unguarded = 'The lock prod/my-lock is not guarded any more: the reason.';
  expect(warnings).toEqual([
    { message: leftBehind, code: 'LEADER_FOR_LIFE_LEFT_BEHIND' },
    { message: unguarded, code: 'LEADER_FOR_LIFE_UNGUARDED' },
  ]);
});

test('a warning has no control characters of the API server', () => {
  reporter.onUnguarded(new Error('\u001b[2Jgone\u0007'));
  expect(warnings[0]?.message).toMatch(/:  \[2Jgone \.$/);
});
