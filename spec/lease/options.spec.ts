import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';

import { JITTER_FACTOR, checkConfig, checkLeadOptions } from '../../lib/lease/config.ts';
import { LeaderHealthzAdaptor } from '../../lib/lease/healthz.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';
import { MAX_DELAY_MS } from '../../lib/platform/clock.ts';
import { DURATIONS } from './simulation.ts';

/** What checking throws, as its message; nothing if it does not. */
function complaint(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toHaveProperty('code', 'ERR_INVALID_ARGUMENT');
    return (error as TypeError).message;
  }
}

const nothing = () => undefined;
const callbacks = { onStartedLeading: nothing, onStoppedLeading: nothing };
const lock = new LeaseLock({ name: 'my-lease', identity: 'me' });
const valid = { lock, callbacks };
const own = { identity: 'me', describe: nothing, get: nothing, create: nothing, update: nothing };
const metrics = { on: nothing, off: nothing, slowpathExercised: nothing };

const configured = (changes: object) => complaint(() => checkConfig({ ...valid, ...changes }));
const led = (options: unknown) => complaint(() => checkLeadOptions(options));

describe('the durations', () => {
  const other = { leaseDurationMs: 60_000, renewDeadlineMs: 3_000, retryPeriodMs: 0.1 };

  it("are client-go's, each unless it is given", () => {
    expect(checkConfig(valid)).toEqual(DURATIONS);
    expect(checkLeadOptions({})).toEqual(DURATIONS);
    expect(JITTER_FACTOR).toBe(1.2);
    expect(checkConfig({ ...valid, ...other })).toEqual(other);
    expect(checkLeadOptions({ ...other, retryPeriodMs: undefined })).toEqual({
      ...other,
      retryPeriodMs: 2_000,
    });
  });

  it.each<[object, string | undefined]>([
    ...[1_000, 2_000, 15_000, 2_147_483_000].map((leaseDurationMs): [object, undefined] => [
      { leaseDurationMs, renewDeadlineMs: 999, retryPeriodMs: 100 },
      undefined,
    ]),
    ...[999, 1_500, 0, -1_000, NaN, Infinity, MAX_DELAY_MS, 2_147_484_000, '15000', null].map(
      (leaseDurationMs): [object, string] => [
        { leaseDurationMs },
        'leaseDurationMs must be a whole number of seconds, in milliseconds, at least 1000, but is ' +
          (typeof leaseDurationMs === 'string' ? '"15000"' : String(leaseDurationMs)),
      ],
    ),
    ...['renewDeadlineMs', 'retryPeriodMs'].flatMap((name) =>
      [0, -1, NaN, Infinity, MAX_DELAY_MS + 1, '2000', null].map((value): [object, string] => [
        { [name]: value },
        `${name} must be a number of milliseconds, more than 0`,
      ]),
    ),
    [{ renewDeadlineMs: 14_999 }, undefined],
    [
      { renewDeadlineMs: 15_000 },
      'renewDeadlineMs must be less than leaseDurationMs (15000), but is 15000',
    ],
    [{ leaseDurationMs: 9_000 }, 'renewDeadlineMs must be less than leaseDurationMs (9000)'],
    [{ renewDeadlineMs: 6_001, retryPeriodMs: 5_000 }, undefined],
    [
      { renewDeadlineMs: 6_000, retryPeriodMs: 5_000 },
      'retryPeriodMs must be less than renewDeadlineMs (6000) divided by 1.2, but is 5000',
    ],
    [{ renewDeadlineMs: 2_400 }, 'retryPeriodMs must be less than renewDeadlineMs (2400)'],
  ])('may be %o, or why not: %s', (durations, message) => {
    if (message === undefined) {
      expect([led(durations), configured(durations)]).toEqual([undefined, undefined]);
    } else {
      expect(led(durations)).toContain(`options.${message}`);
      expect(configured(durations)).toContain(`config.${message}`);
    }
  });
});

/** What both forms refuse. */
const bad: [object, string][] = [
  [{ releaseOnCancel: 1 }, 'releaseOnCancel must be a boolean, but is 1'],
  [{ enabled: 'no' }, 'enabled must be a boolean, but is "no"'],
  [{ events: null }, 'events must be a boolean, but is null'],
  [{ healthy: true }, 'healthy must be a function, but is true'],
  ...['healthyPeriodMs', 'healthyTimeoutMs'].map((name): [object, string] => [
    { [name]: 0 },
    `${name} must be a number of milliseconds, more than 0`,
  ]),
  ...[0, 1.5, -1, Infinity, '3', null].map((value): [object, string] => [
    { healthyFailureThreshold: value },
    'healthyFailureThreshold must be a whole number, at least 1, but is',
  ]),
  [{ label: 'a b' }, "label must be a label as 'key=value' or 'key', but is \"a b\""],
  [{ metrics: 1 }, 'metrics must be a metrics provider, but is 1'],
  [{ metrics: {} }, 'metrics must be a metrics provider, but is an object'],
  [{ metrics: { ...metrics, on: 1 } }, 'metrics must be a metrics provider'],
  [{ metrics: { ...metrics, off: 1 } }, 'metrics must be a metrics provider'],
  [{ metrics: { ...metrics, slowpathExercised: 1 } }, 'metrics must be a metrics provider'],
];

describe('the configuration of an elector', () => {
  it('may have everything', () => {
    const everything = {
      ...valid,
      ...DURATIONS,
      callbacks: { ...callbacks, onNewLeader: nothing },
      releaseOnCancel: true,
      name: 'x',
      watchDog: new LeaderHealthzAdaptor(0),
      enabled: false,
      healthy: () => true,
      healthyPeriodMs: 1,
      healthyTimeoutMs: 1,
      healthyFailureThreshold: 1,
      metrics,
      events: true,
    };
    expect(checkConfig(everything)).toEqual(DURATIONS);
    expect(configured({ lock: own })).toBeUndefined();
    expect(configured({ lock: own, label: 'role=leader' })).toBe(
      'config.label must be left out, unless lock is a LeaseLock, but is "role=leader"',
    );
  });

  const notALock = 'lock must be a LeaseLock or another ResourceLock, but is';
  const notAnIdentity = 'lock.identity must be a string that is not empty, but is';
  const notCallbacks = 'callbacks must be an object';

  it.each([
    ...bad,
    [{ leaseDuration: 15 }, 'leaseDuration is not an option. Did you mean leaseDurationMs?'],
    [{ toString: 1 }, 'toString is not an option. The options are '],
    [{ name: 7 }, 'name must be a string, but is 7'],
    [{ watchDog: {} }, 'watchDog must be a LeaderHealthzAdaptor, but is an object'],
    [{ watchDog: { check: nothing } }, 'watchDog must be a LeaderHealthzAdaptor'],
    ...[undefined, null, 7, 'lock', {}].map((other): [object, string] => [
      { lock: other },
      notALock,
    ]),
    ...['describe', 'get', 'create', 'update'].map((method): [object, string] => [
      { lock: { ...own, [method]: undefined } },
      notALock,
    ]),
    ...[undefined, null, '', '  ', 7].map((identity): [object, string] => [
      { lock: { ...own, identity } },
      notAnIdentity,
    ]),
    ...[undefined, null, nothing].map((other): [object, string] => [
      { callbacks: other },
      notCallbacks,
    ]),
    ...['onStartedLeading', 'onStoppedLeading'].flatMap((name) =>
      [undefined, 1].map((value): [object, string] => [
        { callbacks: { ...callbacks, [name]: value } },
        `callbacks.${name} must be a function, but is ${value}`,
      ]),
    ),
    [
      { callbacks: { ...callbacks, onNewLeader: 'call me' } },
      'callbacks.onNewLeader must be a function, but is "call me"',
    ],
    [
      { callbacks: { ...callbacks, onChallenge: nothing } },
      'callbacks.onChallenge is not an option. The options are onStartedLeading, ',
    ],
  ])('may not have %o: %s', (changes, message) => {
    expect(configured(changes)).toContain(`config.${message}`);
  });

  it.each([undefined, null, 7, [], 'config'])('is an object, not %j', (config) => {
    expect(complaint(() => checkConfig(config))).toContain('config must be an object, but is');
  });
});

describe('the options of lead', () => {
  it('may have everything, and may have it undefined', () => {
    const everything = {
      ...DURATIONS,
      namespace: 'prod',
      identity: 'me',
      kubeConfig: new KubeConfig(),
      signal: new AbortController().signal,
      releaseOnCancel: false,
      recampaign: true,
      enabled: true,
      labels: { app: 'x' },
      annotations: { 'example.com/note': 'any text' },
      metrics,
      events: false,
    };
    expect(checkLeadOptions(everything)).toEqual(DURATIONS);
    const left = Object.fromEntries(Object.keys(everything).map((name) => [name, undefined]));
    expect(checkLeadOptions(left)).toEqual(DURATIONS);
  });

  it.each([
    ...bad,
    [{ name: 'x' }, 'name is not an option'],
    [{ podName: 'x' }, 'podName is not an option'],
    [{ namespace: 'Prod' }, 'namespace must be'],
    [{ identity: '' }, 'identity must be a string that is not empty, but is ""'],
    [{ identity: ' \n' }, 'identity must be a string that is not empty'],
    [{ identity: 7 }, 'identity must be a string that is not empty, but is 7'],
    [{ kubeConfig: {} }, 'kubeConfig must be a KubeConfig'],
    [{ signal: new AbortController() }, 'signal must be an AbortSignal'],
    [{ recampaign: 'yes' }, 'recampaign must be a boolean, but is "yes"'],
    [{ labels: { app: '-' } }, 'labels[app] must be a label value'],
    [{ annotations: { note: 1 } }, 'annotations[note] must be a string, but is 1'],
  ])('may not have %o: %s', (options, message) => {
    expect(led(options)).toContain(`options.${message}`);
  });

  it.each([null, 7, []])('are an object, not %j', (options) => {
    expect(led(options)).toContain('options must be an object, but is');
  });
});
