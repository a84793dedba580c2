import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';

import { MAX_DELAY_MS } from '../../lib/platform/clock.ts';
import { LeaderHealthzAdaptor } from '../../lib/lease/healthz.ts';
import { LeaseLock } from '../../lib/lease/lease-lock.ts';
import { JITTER_FACTOR, checkConfig, checkLeadOptions } from '../../lib/lease/config.ts';

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
const metrics = { on: nothing, off: nothing, slowpathExercised: nothing };
const defaults = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

const configured = (changes: object) => complaint(() => checkConfig({ ...valid, ...changes }));
const led = (options: unknown) => complaint(() => checkLeadOptions(options));

describe('the durations', () => {
  it("default to client-go's", () => {
    expect(checkConfig(valid)).toEqual(defaults);
    expect(checkLeadOptions({})).toEqual(defaults);
    expect(JITTER_FACTOR).toBe(1.2);
  });

  it('may be given each, and undefined is the default', () => {
    const durations = { leaseDurationMs: 60_000, renewDeadlineMs: 0.5, retryPeriodMs: 0.1 };
    expect(checkConfig({ ...valid, ...durations })).toEqual(durations);
    expect(
      checkLeadOptions({ ...durations, retryPeriodMs: undefined, renewDeadlineMs: 3_000 }),
    ).toEqual({ ...durations, retryPeriodMs: 2_000, renewDeadlineMs: 3_000 });
  });

  it.each([1_000, 2_000, 15_000, 2_147_483_000])('leaseDurationMs may be %d', (leaseDurationMs) => {
    const durations = { leaseDurationMs, renewDeadlineMs: 999, retryPeriodMs: 100 };
    expect(led(durations)).toBeUndefined();
    expect(configured(durations)).toBeUndefined();
  });

  it.each([
    [999, '999'],
    [1_500, '1500'],
    [0, '0'],
    [-1_000, '-1000'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [MAX_DELAY_MS, String(MAX_DELAY_MS)],
    [2_147_484_000, '2147484000'],
    ['15000', '"15000"'],
    [null, 'null'],
  ])('leaseDurationMs may not be %j, for it could not be stored', (leaseDurationMs, shown) => {
    const expected =
      'leaseDurationMs must be a whole number of seconds, in milliseconds, at least 1000, ' +
      `but is ${shown}`;
    expect(led({ leaseDurationMs })).toBe(`options.${expected}`);
    expect(configured({ leaseDurationMs })).toBe(`config.${expected}`);
  });

  const bad = [0, -1, NaN, Infinity, MAX_DELAY_MS + 1, '2000', null];

  it.each(['renewDeadlineMs', 'retryPeriodMs'])('%s is a time, and a positive one', (name) => {
    for (const value of bad) {
      const message = `options.${name} must be a number of milliseconds, more than 0`;
      expect(led({ [name]: value })).toContain(message);
      expect(configured({ [name]: value })).toContain(`config.${name} must be a number`);
    }
  });

  it('leaseDurationMs is more than renewDeadlineMs', () => {
    const message = 'renewDeadlineMs must be less than leaseDurationMs (15000), but is 15000';
    expect(led({ renewDeadlineMs: 15_000 })).toBe(`options.${message}`);
    expect(configured({ renewDeadlineMs: 15_000 })).toBe(`config.${message}`);
    expect(led({ renewDeadlineMs: 14_999 })).toBeUndefined();
    expect(led({ leaseDurationMs: 9_000 })).toContain('less than leaseDurationMs (9000)');
  });

  it('renewDeadlineMs is more than 1.2 times retryPeriodMs', () => {
    const message =
      'retryPeriodMs must be less than renewDeadlineMs (6000) divided by 1.2, but is 5000';
    expect(led({ renewDeadlineMs: 6_000, retryPeriodMs: 5_000 })).toBe(`options.${message}`);
    expect(led({ renewDeadlineMs: 6_001, retryPeriodMs: 5_000 })).toBeUndefined();
    expect(configured({ renewDeadlineMs: 2_400 })).toContain('config.retryPeriodMs');
  });
});

describe('the configuration of an elector', () => {
  it('may have everything', () => {
    const everything = {
      ...valid,
      ...defaults,
      callbacks: { ...callbacks, onNewLeader: nothing },
      releaseOnCancel: true,
      name: 'x',
      watchDog: new LeaderHealthzAdaptor(0),
      enabled: false,
      metrics,
      events: true,
    };
    expect(checkConfig(everything)).toEqual(defaults);
  });

  it.each([
    [{ leaseDuration: 15 }, 'config.leaseDuration is not an option. Did you mean leaseDurationMs?'],
    [{ toString: 1 }, 'config.toString is not an option. The options are '],
    [{ releaseOnCancel: 1 }, 'config.releaseOnCancel must be a boolean, but is 1'],
    [{ enabled: 'no' }, 'config.enabled must be a boolean, but is "no"'],
    [{ events: null }, 'config.events must be a boolean, but is null'],
    [{ name: 7 }, 'config.name must be a string, but is 7'],
    [{ watchDog: {} }, 'config.watchDog must be a LeaderHealthzAdaptor, but is an object'],
    [{ watchDog: { check: nothing } }, 'config.watchDog must be a LeaderHealthzAdaptor'],
    [{ metrics: {} }, 'config.metrics must be a metrics provider, but is an object'],
    [{ metrics: { ...metrics, on: 1 } }, 'config.metrics must be a metrics provider'],
    [{ metrics: { ...metrics, off: 1 } }, 'config.metrics must be a metrics provider'],
    [{ metrics: { ...metrics, slowpathExercised: 1 } }, 'config.metrics must be a metrics'],
  ])('may not have %o', (changes, message) => {
    expect(configured(changes)).toContain(message);
  });

  it.each([undefined, null, 7, 'lock', {}, { describe: nothing, get: nothing, create: nothing }])(
    'has a lock, not %j',
    (other) => {
      expect(configured({ lock: other })).toMatch(
        /^config\.lock must be a LeaseLock or another ResourceLock, but is/,
      );
    },
  );

  it.each(['describe', 'get', 'create', 'update'])('has a lock that can %s', (method) => {
    const whole = {
      identity: 'me',
      describe: nothing,
      get: nothing,
      create: nothing,
      update: nothing,
    };
    expect(configured({ lock: whole })).toBeUndefined();
    expect(configured({ lock: { ...whole, [method]: undefined } })).toContain('config.lock');
  });

  it.each([undefined, null, '', '  ', 7])('has a lock with an identity, not %j', (identity) => {
    const other = { identity, describe: nothing, get: nothing, create: nothing, update: nothing };
    expect(configured({ lock: other })).toMatch(
      /^config\.lock\.identity must be a string that is not empty, but is/,
    );
  });

  it.each([undefined, null, nothing])('has callbacks, not %s', (other) => {
    expect(configured({ callbacks: other })).toContain('config.callbacks must be an object');
  });

  it.each(['onStartedLeading', 'onStoppedLeading'])('needs the callback %s', (name) => {
    const message = `config.callbacks.${name} must be a function, but is undefined`;
    expect(configured({ callbacks: { ...callbacks, [name]: undefined } })).toBe(message);
    expect(configured({ callbacks: { ...callbacks, [name]: 1 } })).toContain('be a function');
  });

  it('does not need onNewLeader, and knows no other callback', () => {
    const onNewLeader = 'call me';
    expect(configured({ callbacks: { ...callbacks, onNewLeader } })).toBe(
      'config.callbacks.onNewLeader must be a function, but is "call me"',
    );
    expect(configured({ callbacks: { ...callbacks, onChallenge: nothing } })).toContain(
      'config.callbacks.onChallenge is not an option. The options are onStartedLeading, ',
    );
  });

  it.each([undefined, null, 7, [], 'config'])('is an object, not %j', (config) => {
    expect(complaint(() => checkConfig(config))).toContain('config must be an object, but is');
  });
});

describe('the options of lead', () => {
  it('may have everything', () => {
    const everything = {
      ...defaults,
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
    expect(checkLeadOptions(everything)).toEqual(defaults);
    const left = Object.fromEntries(Object.keys(everything).map((name) => [name, undefined]));
    expect(checkLeadOptions(left)).toEqual(defaults);
  });

  it.each([
    [{ name: 'x' }, 'options.name is not an option'],
    [{ podName: 'x' }, 'options.podName is not an option'],
    [{ namespace: 'Prod' }, 'options.namespace must be'],
    [{ identity: '' }, 'options.identity must be a string that is not empty, but is ""'],
    [{ identity: ' \n' }, 'options.identity must be a string that is not empty'],
    [{ identity: 7 }, 'options.identity must be a string that is not empty, but is 7'],
    [{ kubeConfig: {} }, 'options.kubeConfig must be a KubeConfig'],
    [{ signal: new AbortController() }, 'options.signal must be an AbortSignal'],
    [{ releaseOnCancel: 0 }, 'options.releaseOnCancel must be a boolean, but is 0'],
    [{ recampaign: 'yes' }, 'options.recampaign must be a boolean, but is "yes"'],
    [{ enabled: 1 }, 'options.enabled must be a boolean, but is 1'],
    [{ events: 1 }, 'options.events must be a boolean, but is 1'],
    [{ labels: { app: '-' } }, 'options.labels[app] must be a label value'],
    [{ annotations: { note: 1 } }, 'options.annotations[note] must be a string, but is 1'],
    [{ metrics: 1 }, 'options.metrics must be a metrics provider, but is 1'],
  ])('may not have %o', (options, message) => {
    expect(led(options)).toContain(message);
  });

  it.each([null, 7, []])('are an object, not %j', (options) => {
    expect(led(options)).toContain('options must be an object, but is');
  });
});
