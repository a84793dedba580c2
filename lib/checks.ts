/** Checks of arguments. Each throws a TypeError that names the value and what it must be. */
import { MAX_DELAY_MS } from './platform/clock.ts';
import { badArgument, invalidArgument, shorten } from './errors.ts';
import type { KubeConfigLike } from './kubernetes/kube-config.ts';
import { isDnsLabel, isDnsSubdomain, isLabelValue, isQualifiedName } from './kubernetes/names.ts';

export type Check = (name: string, value: unknown) => void;

/** Checks an object whose every property has a check; undefined means left out. */
export function checkProperties(
  name: string,
  value: unknown,
  checks: Readonly<Record<string, Check>>,
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgument(name, 'an object', value);
  }
  const given = value as Readonly<Record<string, unknown>>;
  for (const [key, property] of Object.entries(given)) {
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (!check) throw unknownOption(name, key, Object.keys(checks));
    if (property !== undefined) check(`${name}.${key}`, property);
  }
  return given;
}

function unknownOption(name: string, key: string, known: readonly string[]): TypeError {
  const meant = nearest(key, known);
  const hint =
    meant === undefined ? `The options are ${known.join(', ')}.` : `Did you mean ${meant}?`;
  return badArgument(`${name}.${shorten(key)} is not an option. ${hint}`);
}

/** The option that differs from a key in case, or in at most a third of its letters. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const word = key.toLowerCase();
  const ranked = known
    .filter(({ length }) => Math.abs(length - key.length) <= length / 3)
    .map((option) => ({ option, edits: distance(word, option.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  const [best] = ranked;
  return best && best.edits <= Math.min(word.length, best.option.length) / 3
    ? best.option
    : undefined;
}

/** Number of letters to insert, remove or replace (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [index, letter] of Array.from(a).entries()) {
    const next = [index + 1];
    for (const [column, other] of Array.from(b).entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

export function matching(test: (value: string) => boolean, expected: string): Check {
  return (name, value) => {
    if (typeof value !== 'string' || !test(value)) throw invalidArgument(name, expected, value);
  };
}

export function typed(type: 'boolean' | 'function' | 'string', expected: string): Check {
  return (name, value) => {
    if (typeof value !== type) throw invalidArgument(name, expected, value);
  };
}

/** An object that has these methods. */
export function having(methods: readonly string[], expected: string): Check {
  return (name, value) => {
    const object = Object(value) as Readonly<Record<string, unknown>>;
    if (methods.some((method) => typeof object[method] !== 'function')) {
      throw invalidArgument(name, expected, value);
    }
  };
}

export function checkDuration(name: string, value: unknown): void {
  if (typeof value !== 'number' || !(value > 0 && value <= MAX_DELAY_MS)) {
    const expected = `a number of milliseconds, more than 0 and at most ${MAX_DELAY_MS}`;
    throw invalidArgument(name, expected, value);
  }
}

export function checkCount(name: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw invalidArgument(name, 'a whole number, at least 1', value);
  }
}

export function checkSignal(name: string, value: unknown): void {
  having(['addEventListener', 'removeEventListener', 'throwIfAborted'], 'an AbortSignal')(
    name,
    value,
  );
  if (typeof (value as AbortSignal).aborted !== 'boolean') {
    throw invalidArgument(name, 'an AbortSignal', value);
  }
}

export const checkKubeConfigType: Check = having(
  [
    'getCurrentCluster',
    'getCurrentContext',
    'getContextObject',
    'applyToHTTPSOptions',
  ] satisfies (keyof KubeConfigLike)[],
  'a KubeConfig of @kubernetes/client-node',
);

export function checkLabels(name: string, value: unknown): void {
  for (const [key, label] of entriesOf(name, value)) {
    if (typeof label !== 'string' || !isLabelValue(label)) {
      throw invalidArgument(`${name}[${key}]`, 'a label value of at most 63 characters', label);
    }
  }
}

/** Annotations, except those that this library sets itself. */
export function annotationsExcept(reserved: readonly string[]): Check {
  return (name, value) => {
    for (const [key, annotation] of entriesOf(name, value)) {
      if (reserved.includes(key)) {
        throw invalidArgument(`${name} key`, 'one that this library does not set itself', key);
      }
      if (typeof annotation !== 'string') {
        throw invalidArgument(`${name}[${key}]`, 'a string', annotation);
      }
    }
  };
}

function entriesOf(name: string, value: unknown): [string, unknown][] {
  const prototype: unknown = typeof value === 'object' && value && Object.getPrototypeOf(value);
  if (
    typeof value !== 'object' ||
    value === null ||
    (prototype !== Object.prototype && prototype !== null)
  ) {
    throw invalidArgument(name, 'a plain object of strings', value);
  }
  for (const key of Object.keys(value)) {
    if (!isQualifiedName(key)) throw invalidArgument(`${name} key`, 'a qualified name', key);
  }
  return Object.entries(value);
}

/** The names of locks and Leases. */
export const checkLockName: Check = matching(
  isDnsSubdomain,
  'a DNS subdomain (RFC 1123) of at most 253 characters',
);

export const checkPodName: Check = matching(
  isDnsSubdomain,
  "a Pod's name, a DNS subdomain (RFC 1123)",
);

export function checkMode(mode: unknown): void {
  if (mode === 'life' || mode === 'lease') return;
  throw invalidArgument('mode', '"life" or "lease"', mode);
}

export const checkNamespace: Check = matching(
  isDnsLabel,
  'a DNS label (RFC 1123) of at most 63 characters',
);

export const checkBoolean: Check = typed('boolean', 'a boolean');

export const checkCallback: Check = typed('function', 'a function');

export const checkMetrics: Check = having(['on', 'off', 'slowpathExercised'], 'a metrics provider');
