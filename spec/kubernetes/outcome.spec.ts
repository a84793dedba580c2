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

describe('an ApiError', () => {
  it('says which request was answered how', () => {
    const status = { status: 403, reason: 'Forbidden', message: 'no', causes: ['Cause'] };
    const error = new ApiError(status, 'GET /x', 5_000);
    expect(error).toBeInstanceOf(Error);
    const { message: _, ...rest } = status;
    expect(error).toMatchObject({ ...rest, name: 'ApiError', retryAfterMs: 5_000 });
    expect(error.message).toBe('GET /x: 403 Forbidden: no');
  });
});

describe('a NoAnswerError', () => {
  it.each([
    [new Error('broken'), 'GET /x: broken'],
    [
      Object.assign(new Error('reset by peer'), { code: 'ECONNRESET' }),
      'GET /x: reset by peer (ECONNRESET)',
    ],
    [
      Object.assign(new Error('connect ECONNREFUSED ::1'), { code: 'ECONNREFUSED' }),
      'GET /x: connect ECONNREFUSED ::1',
    ],
    [Object.assign(new Error('broken'), { code: 7 }), 'GET /x: broken'],
    [
      Object.assign(
        new AggregateError([
          new Error('connect ECONNREFUSED ::1:6443'),
          new Error('connect ENETUNREACH 10.0.0.1:6443'),
        ]),
        { code: 'ECONNREFUSED' },
      ),
      'GET /x: connect ECONNREFUSED ::1:6443; connect ENETUNREACH 10.0.0.1:6443',
    ],
    [new AggregateError([new Error('one')], 'of its own'), 'GET /x: of its own'],
    ['a reason', 'GET /x: a reason'],
    [undefined, 'GET /x: undefined'],
  ])('says which request was not answered, and why: %o', (cause, message) => {
    const error = new NoAnswerError('GET /x', cause);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'NoAnswerError', message, cause });
  });
});

describe('what a failure means', () => {
  it.each([
    { status: 400, transient: false, ambiguous: false },
    { status: 401, transient: true, ambiguous: false },
    { status: 403, transient: false, ambiguous: false },
    { status: 404, transient: false, ambiguous: false },
    { status: 405, transient: false, ambiguous: false },
    { status: 408, transient: true, ambiguous: true },
    { status: 410, transient: false, ambiguous: false },
    { status: 422, transient: false, ambiguous: false },
    { status: 429, transient: true, ambiguous: false },
    { status: 499, transient: false, ambiguous: false },
    { status: 500, transient: true, ambiguous: true },
    { status: 501, transient: false, ambiguous: true },
    { status: 502, transient: true, ambiguous: true },
    { status: 503, transient: true, ambiguous: true },
    { status: 504, transient: true, ambiguous: true },
    { status: 505, transient: false, ambiguous: true },
  ])('$status: transient $transient, ambiguous $ambiguous', ({ status, ...expected }) => {
    const error = apiError(status);
    expect({ transient: isTransient(error), ambiguous: isAmbiguous(error) }).toEqual(expected);
  });

  it('without an answer, everything is possible', () => {
    const error = new NoAnswerError('POST /x', new Error('timeout'));
    expect([isTransient(error), isAmbiguous(error)]).toEqual([true, true]);
  });

  it('what was never sent has no effect', () => {
    const error = new NoAnswerError('POST /x', new Error('connect ECONNREFUSED'), false);
    expect([isTransient(error), isAmbiguous(error)]).toEqual([true, false]);
  });

  it.each([new Error('bug'), new TypeError('bug'), { status: 500 }, 'bug', undefined, null])(
    'is not known for %o, which is ours',
    (error) => {
      expect([isTransient(error), isAmbiguous(error)]).toEqual([false, false]);
      expect([isQuotaExceeded(error), isNamespaceTerminating(error)]).toEqual([false, false]);
      expect(hasStatus(error, 500)).toBe(false);
    },
  );

  it('is asked again while an admission plugin of the API server starts', () => {
    const message = 'configmaps "x" is forbidden: not yet ready to handle request';
    expect(isTransient(apiError(403, { message }))).toBe(true);
    expect(isTransient(apiError(403, { message: 'configmaps "x" is forbidden: no' }))).toBe(false);
  });

  it('tells a quota that is used up from a missing right', () => {
    const message = 'configmaps "x" is forbidden: exceeded quota: small, requested: count=1';
    expect(isQuotaExceeded(apiError(403, { message }))).toBe(true);
    expect(isQuotaExceeded(apiError(429, { message }))).toBe(false);
    expect(isQuotaExceeded(apiError(403, { message: 'configmaps is forbidden' }))).toBe(false);
    const uncounted =
      'configmaps "x" is forbidden: status unknown for quota: new, resources: count';
    expect(isQuotaExceeded(apiError(403, { message: uncounted }))).toBe(true);
  });

  it.each([
    { status: 404, reason: 'NotFound', about: 'object', means: 'absent' },
    { status: 404, reason: 'NotFound', about: 'namespace', means: 'no namespace' },
    { status: 404, reason: 'NotFound', about: undefined, means: '' },
    { status: 410, reason: 'NotFound', about: 'object', means: '' },
    { status: 409, reason: 'AlreadyExists', about: 'object', means: 'taken' },
    { status: 409, reason: 'AlreadyExists', about: undefined, means: '' },
    { status: 403, reason: 'AlreadyExists', about: 'object', means: '' },
    { status: 409, reason: 'Conflict', about: 'object', means: 'conflict' },
    { status: 409, reason: 'Conflict', about: undefined, means: '' },
    { status: 409, reason: 'Other', about: 'object', means: '' },
  ] as const)('says of the $about with $status $reason: $means', ({ means, ...status }) => {
    const error = new ApiError({ ...status, message: 'x', causes: [] }, 'GET /x');
    const said = [
      isAbsent(error) && 'absent',
      isNamespaceAbsent(error) && 'no namespace',
      isTaken(error) && 'taken',
      isConflict(error) && 'conflict',
    ].filter(Boolean);
    expect(said.join()).toBe(means);
  });

  it('tells a quota that another create has just counted against from a real conflict', () => {
    const message = 'Operation cannot be fulfilled on resourcequotas "small": it has been modified';
    expect(isTransient(apiError(409, { message }))).toBe(true);
    expect(isAmbiguous(apiError(409, { message }))).toBe(false);
    expect(isTransient(apiError(422, { message }))).toBe(false);
    const conflict = 'Operation cannot be fulfilled on configmaps "x": it has been modified';
    expect(isTransient(apiError(409, { message: conflict }))).toBe(false);
  });

  it('tells a terminating namespace from a missing right', () => {
    const causes = ['Other', 'NamespaceTerminating'];
    expect(isNamespaceTerminating(apiError(403, { causes }))).toBe(true);
    expect(isNamespaceTerminating(apiError(403, { causes: ['Other'] }))).toBe(false);
  });

  it('knows its status', () => {
    expect(hasStatus(apiError(404), 404)).toBe(true);
    expect(hasStatus(apiError(404), 403)).toBe(false);
  });
});
