import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';

import { checkOptions } from '../../lib/life/options.ts';

const a = (length: number) => 'a'.repeat(length);
const listener = () => undefined;

/** What checking throws, as its message; nothing if it does not. */
function complaint(lockName: unknown, options: unknown = {}): string | undefined {
  try {
    checkOptions(lockName, options);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toHaveProperty('code', 'ERR_INVALID_ARGUMENT');
    return (error as TypeError).message;
  }
}

/** Of one argument, by its name in messages: `lockName`, `options` or `options.guard`. */
function complaintOf(name: string, value: unknown): string | undefined {
  if (name === 'lockName') return complaint(value);
  if (name === 'options') return complaint('my-lock', value);
  return complaint('my-lock', { [name.replace('options.', '')]: value });
}

/** A value in a message. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

const subdomain = 'a DNS subdomain (RFC 1123) of at most 253 characters';
const duration = 'a number of milliseconds, more than 0 and at most 2147483647';
const DURATIONS = [
  ...['timeoutMs', 'maxBackoffMs', 'takeOverFromNotReadyNodeAfterMs'],
  ...['healthyPeriodMs', 'healthyTimeoutMs'],
];
const LABELS = ['labels', 'annotations'];

const accepted: [string, unknown[]][] = [
  ['lockName', ['a', 'my-operator-lock', '0', 'a.b-c.d', a(253)]],
  ['options.namespace', ['a', 'kube-system', '123', a(63)]],
  ['options.podUid', ['e7b1c2d3-0000-4000-8000-000000000000', 'A', '0123456789abcdef', a(64)]],
  ...DURATIONS.map((name): [string, unknown[]] => [
    `options.${name}`,
    [1, 0.001, 60_000, 2_147_483_647],
  ]),
  [
    'options.signal',
    [
      AbortSignal.abort(),
      // Of another realm.
      {
        aborted: false,
        addEventListener: listener,
        removeEventListener: listener,
        throwIfAborted: listener,
      },
    ],
  ],
  [
    'options.kubeConfig',
    // Of another copy of client-node.
    [
      {
        getCurrentContext: () => '',
        getContextObject: () => null,
        getCurrentCluster: () => null,
        applyToHTTPSOptions: listener,
      },
    ],
  ],
  ...LABELS.map((name): [string, unknown[]] => [
    `options.${name}`,
    [{}, { constructor: 'a', 'example.com/x_Y.z': 'b' }],
  ]),
  ['options.labels', [{ 'leader-for-life/pod-name': 'x' }]],
  ['options.guard', [true]],
  ['options.label', ['leader', 'role=leader', 'a.b/role=', `${a(63)}=${a(63)}`]],
  ['options.preference', ['newest', () => 1, { nodeLabel: { 'example.com/zone': 'a' } }]],
  ['options.deletionCost', [0, 100, -5, 2 ** 31 - 1, -(2 ** 31)]],
];

const refused: [string, string, unknown[]][] = [
  [
    'lockName',
    subdomain,
    [
      ...['', 'My-Lock', 'my_lock', '-a', 'a/../b', 'a\n', a(254)],
      ...[undefined, null, 7, { toString: () => 'a' }, ['a']],
    ],
  ],
  ['options', 'an object', [null, 'x', [], () => ({}), 7]],
  [
    'options.namespace',
    'a DNS label (RFC 1123) of at most 63 characters',
    ['', 'a.b', '../a', 'default\n', a(64), null, 7],
  ],
  ['options.podName', "a Pod's name, a DNS subdomain (RFC 1123)", ['', 'App', 7, null]],
  ['options.podUid', "a Pod's UID", ['', 'a b', 'a\n', 'a/b', 'ü', a(65), 7, null]],
  ...DURATIONS.map((name): [string, string, unknown[]] => [
    `options.${name}`,
    duration,
    [0, -1, NaN, Infinity, -Infinity, 2_147_483_648, '60000', '60s', 7n, null, true, new Date(7)],
  ]),
  [
    'options.signal',
    'an AbortSignal',
    [
      ...[new AbortController(), { aborted: false }, new EventTarget(), null, 'abort', true],
      { aborted: 'no', addEventListener: listener },
    ],
  ],
  [
    'options.kubeConfig',
    'a KubeConfig of @kubernetes/client-node',
    [
      ...[{}, { getCurrentCluster: () => null }, { applyToHTTPSOptions: () => null }],
      ...[{ clusters: [], contexts: [] }, '~/.kube/config', null, KubeConfig],
    ],
  ],
  ...LABELS.map((name): [string, string, unknown[]] => [
    `options.${name}`,
    'a plain object of strings',
    // The entries of a Map are no properties: it would pass as no labels at all.
    ['app=a', null, [], 7, new Map([['app', 'a']])],
  ]),
  ['options.guard', 'a boolean', ['yes', 1, null]],
  [
    'options.label',
    "a label as 'key=value' or 'key'",
    [
      ...[
        '',
        '=',
        '=leader',
        'a b',
        'role=a b',
        'role=a=b',
        'a/b/c=x',
        'role=leader\n',
        `role=${a(64)}`,
      ],
      ...[7, null, { role: 'leader' }],
    ],
  ],
  ['options.preference', "'newest', an object with nodeLabel, or a function", ['oldest', 7, true]],
  ['options.preference', 'an object', [null, ['newest']]],
  [
    'options.deletionCost',
    'a whole number from -2147483648 to 2147483647',
    [0.5, NaN, Infinity, 2 ** 31, -(2 ** 31) - 1, '100', 7n, null],
  ],
  ['options.onWaiting', 'a function', ['log', {}, null]],
];

const cases = refused.flatMap(([name, expected, values]) =>
  values.map(
    (value) => [name, value, `${name} must be ${expected}, but is ${shown(value)}`] as const,
  ),
);

test.each(accepted)('%s accepts %o', (name, values) => {
  for (const value of values) expect(complaintOf(name, value)).toBeUndefined();
});

test.each(cases)('%s must not be %o', (name, value, message) => {
  expect(complaintOf(name, value)).toBe(message);
});

describe('a label or an annotation', () => {
  const keys = ['', 'a b', 'a/b/c', '-a', a(64), `${a(254)}/a`, 'A_b/c', '__proto__'];
  test.each(LABELS.flatMap((name) => keys.map((key) => [name, key] as const)))(
    'of options.%s must not have the key %j',
    (name, key) => {
      const value: unknown = JSON.parse(`{"good":"a",${JSON.stringify(key)}:"b"}`);
      expect(complaintOf(name, value)).toBe(
        `options.${name} key must be a qualified name, but is ${JSON.stringify(key)}`,
      );
    },
  );

  test.each([
    ['labels', 'a label value of at most 63 characters', 'a b', '-a', a(64)],
    ['annotations', 'a string'],
  ])('of options.%s must be %s', (name, expected, ...more) => {
    for (const value of [7, null, undefined, {}, ...more]) {
      expect(complaintOf(name, { app: value })).toBe(
        `options.${name}[app] must be ${expected}, but is ${shown(value)}`,
      );
    }
  });

  test.each(['pod-name', 'pod-uid', 'attempt'])('must not pretend to be our %s', (name) => {
    const key = `leader-for-life/${name}`;
    expect(complaintOf('annotations', { [key]: 'x' })).toBe(
      `options.annotations key must be one that this library does not set itself, but is "${key}"`,
    );
  });
});

describe('the options', () => {
  const all = {
    namespace: 'prod',
    podName: 'app-0.x',
    podUid: 'e7b1-F',
    kubeConfig: new KubeConfig(),
    signal: new AbortController().signal,
    timeoutMs: 0.5,
    maxBackoffMs: 2 ** 31 - 1,
    labels: { app: 'a', 'example.com/b': '' },
    annotations: { 'example.com/c': 'any text\n at all' },
    guard: false,
    takeOverFromNotReadyNodeAfterMs: 60_000,
    onWaiting: listener,
  };

  test('have a default, also if they are undefined', () => {
    const nothing = Object.fromEntries(Object.keys(all).map((name) => [name, undefined]));
    for (const options of [{}, nothing]) {
      expect(checkOptions('my-lock', options)).toEqual({ maxBackoffMs: 16_000 });
    }
    expect(() => checkOptions('my-lock', undefined)).toThrow('must be an object, but is undefined');
  });

  test('are handed on as they are, in a copy', () => {
    const checked = checkOptions('my-lock', all);
    expect(checked).toEqual(all);
    expect(checked).not.toBe(all);
    expect(checked.signal).toBe(all.signal);
  });

  test.each(['identity', '', 'toString', 'constructor', 'hasOwnProperty', '__proto__'])(
    'do not include %j',
    (name) => {
      for (const value of [7, undefined]) {
        expect(complaintOf(name, value)).toBe(
          `options.${name} is not an option. The options are namespace, kubeConfig, podName, podUid, ` +
            'signal, maxBackoffMs, labels, annotations, guard, takeOverFromNotReadyNodeAfterMs, enabled, ' +
            'timeoutMs, onWaiting, onEvent, healthy, healthyPeriodMs, healthyTimeoutMs, ' +
            'healthyFailureThreshold, metrics, events, label, deletionCost, preference.',
        );
      }
    },
  );

  test.each([
    ['timeoutMS', 'timeoutMs'],
    ['Namespace', 'namespace'],
  ])('do not include %s, which is misspelt', (name, meant) => {
    expect(complaintOf(name, 7)).toBe(`options.${name} is not an option. Did you mean ${meant}?`);
  });
});
