import { describe, expect, it } from 'vitest';

import {
  ApiError,
  NoAnswerError,
  hasStatus,
  isAbsent,
  isAmbiguous,
  isConflict,
  isNamespaceAbsent,
  isNamespaceTerminating,
  isQuotaExceeded,
  isTaken,
  isTransient,
} from '../../lib/kubernetes/outcome.ts';

function apiError(status: number, changes: { message?: string; causes?: string[] } = {}) {
  const usual = { status, reason: 'Reason', message: 'what happened', causes: [] };
  return new ApiError({ ...usual, ...changes }, 'GET /x');
}

it('an ApiError says which request was refused, and how', () => {
  const status = { status: 403, reason: 'Forbidden', causes: ['Cause'] };
  const error = new ApiError({ ...status, message: 'no' }, 'GET /x', 5_000);
  expect(error).toBeInstanceOf(Error);
  const message = 'GET /x: 403 Forbidden: no';
  expect(error).toMatchObject({ ...status, name: 'ApiError', message, retryAfterMs: 5_000 });
});

describe('a NoAnswerError', () => {
  const withCode = (error: Error, code: unknown) => Object.assign(error, { code });
  const refused = new Error('connect ECONNREFUSED ::1');
  const each = [refused, new Error('connect ENETUNREACH 10.0.0.1')];

  it.each([
    [new Error('broken'), 'broken'],
    [withCode(new Error('reset by peer'), 'ECONNRESET'), 'reset by peer (ECONNRESET)'],
    [withCode(refused, 'ECONNREFUSED'), 'connect ECONNREFUSED ::1'],
    [withCode(new Error('broken'), 7), 'broken'],
    [
      withCode(new AggregateError(each), 'ECONNREFUSED'),
      'connect ECONNREFUSED ::1; connect ENETUNREACH 10.0.0.1',
    ],
    [new AggregateError([new Error('one')], 'of its own'), 'of its own'],
    ['a reason', 'a reason'],
    [undefined, 'undefined'],
  ])('says which request had no answer, and why: %o', (cause, why) => {
    const error = new NoAnswerError('GET /x', cause);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'NoAnswerError', message: `GET /x: ${why}`, cause });
  });
});

describe('isTransient and isAmbiguous', () => {
  const both = (error: unknown) => [isTransient(error), isAmbiguous(error)];
  const quota = 'Operation cannot be fulfilled on resourcequotas "small": it has been modified';
  const lock = 'Operation cannot be fulfilled on configmaps "x": it has been modified';
  const forbidden = 'configmaps "x" is forbidden:';

  it.each<[string, unknown, boolean, boolean]>([
    ...[400, 403, 404, 405, 410, 422, 499].map((status): [string, unknown, boolean, boolean] => [
      `a ${status}`,
      apiError(status),
      false,
      false,
    ]),
    ...[401, 429].map((status): [string, unknown, boolean, boolean] => [
      `a ${status}`,
      apiError(status),
      true,
      false,
    ]),
    ...[408, 500, 502, 503, 504].map((status): [string, unknown, boolean, boolean] => [
      `a ${status}`,
      apiError(status),
      true,
      true,
    ]),
    ...[501, 505].map((status): [string, unknown, boolean, boolean] => [
      `a ${status}`,
      apiError(status),
      false,
      true,
    ]),
    ['no answer', new NoAnswerError('POST /x', new Error('timeout')), true, true],
    ['a request that was never sent', new NoAnswerError('POST /x', 'refused', false), true, false],
    [
      'an admission plugin that is not ready',
      apiError(403, { message: `${forbidden} not yet ready to handle request` }),
      true,
      false,
    ],
    ['a missing right', apiError(403, { message: `${forbidden} no` }), false, false],
    ['a conflict of two creates over a quota', apiError(409, { message: quota }), true, false],
    ['a quota in a 422', apiError(422, { message: quota }), false, false],
    ['a conflict over the object', apiError(409, { message: lock }), false, false],
  ])('of %s', (_, error, transient, ambiguous) => {
    expect(both(error)).toEqual([transient, ambiguous]);
  });

  it.each([new Error('bug'), new TypeError('bug'), { status: 500 }, 'bug', undefined, null])(
    'are false, as all other tests, of what is no answer: %o',
    (error) => {
      expect(both(error)).toEqual([false, false]);
      expect([isQuotaExceeded(error), isNamespaceTerminating(error)]).toEqual([false, false]);
      expect(hasStatus(error, 500)).toBe(false);
    },
  );
});

describe('isAbsent, isNamespaceAbsent, isTaken and isConflict', () => {
  it.each([
    { status: 404, reason: 'NotFound', about: 'object', means: [isAbsent] },
    { status: 404, reason: 'NotFound', about: 'namespace', means: [isNamespaceAbsent] },
    { status: 404, reason: 'NotFound', about: undefined, means: [] },
    { status: 410, reason: 'NotFound', about: 'object', means: [] },
    { status: 409, reason: 'AlreadyExists', about: 'object', means: [isTaken] },
    { status: 409, reason: 'AlreadyExists', about: undefined, means: [] },
    { status: 403, reason: 'AlreadyExists', about: 'object', means: [] },
    { status: 409, reason: 'Conflict', about: 'object', means: [isConflict] },
    { status: 409, reason: 'Conflict', about: undefined, means: [] },
    { status: 409, reason: 'Other', about: 'object', means: [] },
  ] as const)('go by code, reason and subject: $status $reason $about', ({ means, ...status }) => {
    const error = new ApiError({ ...status, message: 'x', causes: [] }, 'GET /x');
    const tests = [isAbsent, isNamespaceAbsent, isTaken, isConflict];
    expect(tests.filter((test) => test(error))).toEqual(means);
  });
});

describe('isQuotaExceeded', () => {
  const exceeded = 'configmaps "x" is forbidden: exceeded quota: small, requested: count=1';
  const uncounted = 'configmaps "x" is forbidden: status unknown for quota: new, resources: count';
  it.each([
    [403, exceeded, true],
    [403, uncounted, true],
    [429, exceeded, false],
    [403, 'configmaps is forbidden', false],
  ])('of a %i: %s', (status, message, is) => {
    expect(isQuotaExceeded(apiError(status, { message }))).toBe(is);
  });
});

it('isNamespaceTerminating goes by the causes', () => {
  const causes = ['Other', 'NamespaceTerminating'];
  expect(isNamespaceTerminating(apiError(403, { causes }))).toBe(true);
  expect(isNamespaceTerminating(apiError(403, { causes: ['Other'] }))).toBe(false);
});

it('hasStatus compares the code', () => {
  expect([404, 403].map((status) => hasStatus(apiError(404), status))).toEqual([true, false]);
});
