import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';

import { isUid } from '../../lib/kubernetes/names.ts';
import { checkOptions } from '../../lib/life/options.ts';

const a = (length: number) => 'a'.repeat(length);

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

const of = (name: string, value: unknown) => complaint('my-lock', { [name]: value });

describe('the name of the lock', () => {
  it.each(['a', 'my-operator-lock', '0', 'a.b-c.d', a(253)])('may be %j', (name) => {
    expect(complaint(name)).toBeUndefined();
  });

  it.each([
    ['', '""'],
    ['My-Lock', '"My-Lock"'],
    ['my_lock', '"my_lock"'],
    ['-a', '"-a"'],
    ['a/../b', '"a/../b"'],
    ['a\n', '"a\\n"'],
    [a(254), JSON.stringify(a(254))],
    [undefined, 'undefined'],
    [null, 'null'],
    [7, '7'],
    [{ toString: () => 'a' }, 'an object'],
    [['a'], 'an array'],
  ])('may not be %j', (name, shown) => {
    expect(complaint(name)).toBe(
      `lockName must be a DNS subdomain (RFC 1123) of at most 253 characters, but is ${shown}`,
    );
  });
});

describe('the options', () => {
  it('have a default each', () => {
    expect(checkOptions('my-lock', {})).toEqual({ maxBackoffMs: 16_000 });
  });

  it('may be undefined each, which is the default', () => {
    const names = ['namespace', 'podName', 'podUid', 'kubeConfig', 'signal', 'timeoutMs'];
    names.push('maxBackoffMs', 'labels', 'annotations', 'guard', 'onWaiting');
    names.push('takeOverFromNotReadyNodeAfterMs');
    const nothing = Object.fromEntries(names.map((name) => [name, undefined]));
    expect(checkOptions('my-lock', nothing)).toEqual({ maxBackoffMs: 16_000 });
  });

  it('are handed on as they are', () => {
    const options = {
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
      onWaiting: () => undefined,
    };
    const checked = checkOptions('my-lock', options);
    expect(checked).toEqual(options);
    expect(checked).not.toBe(options);
    expect(checked.signal).toBe(options.signal);
  });

  it.each([
    [null, 'null'],
    ['x', '"x"'],
    [[], 'an array'],
    [() => ({}), 'a function'],
    [7, '7'],
    [undefined, 'undefined'],
  ])('are an object, not %j', (options, shown) => {
    let message = '';
    try {
      checkOptions('my-lock', options);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toBe(`options must be an object, but is ${shown}`);
  });

  it.each(['identity', '', 'toString', 'constructor', 'hasOwnProperty'])(
    'do not include %j',
    (name) => {
      expect(of(name, 7)).toBe(
        `options.${name} is not an option. The options are namespace, kubeConfig, podName, podUid, ` +
          'signal, maxBackoffMs, labels, annotations, guard, takeOverFromNotReadyNodeAfterMs, enabled, ' +
          'timeoutMs, onWaiting, onEvent, metrics, events.',
      );
      expect(of(name, undefined)).toMatch(/ is not an option\. /);
    },
  );

  it('are told when one is misspelt', () => {
    expect(of('timeoutMS', 7)).toBe('options.timeoutMS is not an option. Did you mean timeoutMs?');
    expect(of('Namespace', 'x')).toBe(
      'options.Namespace is not an option. Did you mean namespace?',
    );
  });

  it('do not include __proto__', () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"timeoutMs":7}}');
    expect(complaint('my-lock', hostile)).toMatch(/^options.__proto__ is not an option\. /);
  });
});

describe('the namespace', () => {
  it.each(['a', 'kube-system', '123', a(63)])('may be %j', (namespace) => {
    expect(of('namespace', namespace)).toBeUndefined();
  });

  it.each([
    ['', '""'],
    ['a.b', '"a.b"'],
    ['../a', '"../a"'],
    ['default\n', '"default\\n"'],
    [a(64), JSON.stringify(a(64))],
    [null, 'null'],
    [7, '7'],
  ])('may not be %j', (namespace, shown) => {
    expect(of('namespace', namespace)).toBe(
      `options.namespace must be a DNS label (RFC 1123) of at most 63 characters, but is ${shown}`,
    );
  });
});

describe('the Pod', () => {
  it.each([
    ['', '""'],
    ['App', '"App"'],
    [7, '7'],
    [null, 'null'],
  ])('may not be called %j', (name, shown) => {
    expect(of('podName', name)).toBe(
      `options.podName must be a Pod's name, a DNS subdomain (RFC 1123), but is ${shown}`,
    );
  });

  it.each(['e7b1c2d3-0000-4000-8000-000000000000', 'A', '0123456789abcdef', a(64)])(
    'may have the UID %j',
    (uid) => {
      expect(of('podUid', uid)).toBeUndefined();
      expect(isUid(uid)).toBe(true);
    },
  );

  it.each([
    ['', '""'],
    ['a b', '"a b"'],
    ['a\n', '"a\\n"'],
    ['a/b', '"a/b"'],
    ['ü', '"ü"'],
    [a(65), JSON.stringify(a(65))],
    [7, '7'],
    [null, 'null'],
  ])('may not have the UID %j', (uid, shown) => {
    expect(of('podUid', uid)).toBe(`options.podUid must be a Pod's UID, but is ${shown}`);
  });
});

describe.each(['timeoutMs', 'maxBackoffMs', 'takeOverFromNotReadyNodeAfterMs'])(
  'the duration %s',
  (name) => {
    it.each([1, 0.001, 60_000, 2_147_483_647])('may be %d', (ms) => {
      expect(of(name, ms)).toBeUndefined();
    });

    it.each([
      [0, '0'],
      [-1, '-1'],
      [NaN, 'NaN'],
      [Infinity, 'Infinity'],
      [-Infinity, '-Infinity'],
      [2_147_483_648, '2147483648'],
      ['60000', '"60000"'],
      ['60s', '"60s"'],
      [7n, '7'],
      [null, 'null'],
      [true, 'true'],
      [new Date(7), 'an object'],
    ])('may not be %s', (ms, shown) => {
      expect(of(name, ms)).toBe(
        `options.${name} must be a number of milliseconds, more than 0 and at most 2147483647, ` +
          `but is ${shown}`,
      );
    });
  },
);

describe('the signal', () => {
  it('may be from another realm', () => {
    const rest = { removeEventListener: () => undefined, throwIfAborted: () => undefined };
    const signal = { ...rest, aborted: false, addEventListener: () => undefined };
    expect(of('signal', signal)).toBeUndefined();
    expect(of('signal', AbortSignal.abort())).toBeUndefined();
  });

  it.each([
    [new AbortController(), 'an object'],
    [{ aborted: false }, 'an object'],
    [{ aborted: 'no', addEventListener: () => undefined }, 'an object'],
    [new EventTarget(), 'an object'],
    [null, 'null'],
    ['abort', '"abort"'],
    [true, 'true'],
  ])('may not be %o', (signal, shown) => {
    expect(of('signal', signal)).toBe(`options.signal must be an AbortSignal, but is ${shown}`);
  });
});

describe('the kubeConfig', () => {
  it('may be from another copy of client-node', () => {
    const kubeConfig = {
      getCurrentContext: () => '',
      getContextObject: () => null,
      getCurrentCluster: () => null,
      applyToHTTPSOptions: () => undefined,
    };
    expect(of('kubeConfig', kubeConfig)).toBeUndefined();
  });

  it.each([
    [{}, 'an object'],
    [{ getCurrentCluster: () => null }, 'an object'],
    [{ applyToHTTPSOptions: () => null }, 'an object'],
    [{ clusters: [], contexts: [] }, 'an object'],
    ['~/.kube/config', '"~/.kube/config"'],
    [null, 'null'],
    [KubeConfig, 'a function'],
  ])('may not be %o', (kubeConfig, shown) => {
    expect(of('kubeConfig', kubeConfig)).toBe(
      `options.kubeConfig must be a KubeConfig of @kubernetes/client-node, but is ${shown}`,
    );
  });
});

describe.each(['labels', 'annotations'])('the %s', (name) => {
  it.each([
    ['app=a', '"app=a"'],
    [null, 'null'],
    [[], 'an array'],
    [7, '7'],
    // Its entries are none of its properties: it would pass as no labels at all.
    [new Map([['app', 'a']]), 'an object'],
  ])('may not be %j', (value, shown) => {
    expect(of(name, value)).toBe(
      `options.${name} must be a plain object of strings, but is ${shown}`,
    );
  });

  it.each(['', 'a b', 'a/b/c', '-a', a(64), `${a(254)}/a`, 'A_b/c'])(
    'may not have the key %j',
    (key) => {
      expect(of(name, { good: 'a', [key]: 'b' })).toBe(
        `options.${name} key must be a qualified name, but is ${JSON.stringify(key)}`,
      );
    },
  );

  it('may not have the key __proto__', () => {
    expect(of(name, JSON.parse('{"__proto__":"a"}'))).toBe(
      `options.${name} key must be a qualified name, but is "__proto__"`,
    );
  });

  it('may have no entries, and keys such as constructor', () => {
    expect(of(name, {})).toBeUndefined();
    expect(of(name, { constructor: 'a', 'example.com/x_Y.z': 'b' })).toBeUndefined();
  });
});

describe('a label', () => {
  it.each([
    ['a b', '"a b"'],
    ['-a', '"-a"'],
    [a(64), JSON.stringify(a(64))],
    [7, '7'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{}, 'an object'],
  ])('may not be %j', (value, shown) => {
    expect(of('labels', { app: value })).toBe(
      `options.labels[app] must be a label value of at most 63 characters, but is ${shown}`,
    );
  });
});

describe('an annotation', () => {
  it.each([
    [7, '7'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{}, 'an object'],
  ])('may not be %j', (value, shown) => {
    expect(of('annotations', { note: value })).toBe(
      `options.annotations[note] must be a string, but is ${shown}`,
    );
  });

  it.each(['leader-for-life/pod-name', 'leader-for-life/pod-uid', 'leader-for-life/attempt'])(
    'may not pretend to be %s',
    (key) => {
      expect(of('annotations', { [key]: 'x' })).toBe(
        'options.annotations key must be one that this library does not set itself, ' +
          `but is "${key}"`,
      );
      expect(of('labels', { [key]: 'x' })).toBeUndefined();
    },
  );
});

describe('the guard', () => {
  it.each([
    ['yes', '"yes"'],
    [1, '1'],
    [null, 'null'],
  ])('may not be %j', (guard, shown) => {
    expect(of('guard', guard)).toBe(`options.guard must be a boolean, but is ${shown}`);
    expect(of('guard', true)).toBeUndefined();
  });
});

describe('onWaiting', () => {
  it.each([
    ['log', '"log"'],
    [{}, 'an object'],
    [null, 'null'],
  ])('may not be %j', (callback, shown) => {
    expect(of('onWaiting', callback)).toBe(`options.onWaiting must be a function, but is ${shown}`);
  });
});
