import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';

import { granted, isAbout, refused, subjectOf } from '../../lib/kubernetes/answer.ts';
import { ApiError, isAmbiguous, isTransient } from '../../lib/kubernetes/outcome.ts';
import { Api } from '../../lib/kubernetes/api.ts';
import type { ApiRequest } from '../../lib/kubernetes/transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';
import { EXCHANGES } from '../testing/real-answers/exchanges.ts';
import type { PlainAnswer } from '../testing/real-answers/normalise.ts';

type Method = ApiRequest['method'];

const PODS = '/api/v1/namespaces/prod/pods';
const LOCKS = '/api/v1/namespaces/prod/configmaps';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/prod/leases';

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'prod' } };
const lock = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'prod' } };
const status = { kind: 'Status', apiVersion: 'v1', metadata: {} };
const failed = (code: number, reason: string, details?: object, message = 'what happened') => ({
  ...status,
  status: 'Failure',
  message,
  reason,
  ...(details && { details }),
  code,
});
const deleted = (details?: object) => ({ ...status, status: 'Success', details });

/** Read already. */
const NOTHING: AsyncIterable<string> = Readable.from([]);

/** What an answer is taken for. */
async function verdict(
  method: Method,
  path: string,
  code: number,
  answer: unknown,
  sent: object = lock,
): Promise<string> {
  const transport = new ScriptedTransport();
  transport.replyText(code, [typeof answer === 'string' ? answer : JSON.stringify(answer)]);
  const body = ['POST', 'PUT', 'PATCH'].includes(method) ? { body: sent } : {};
  const api = new Api(transport, new ManualClock());
  try {
    await api.request({ method, path, ...body }, () => undefined);
    return 'granted';
  } catch (error) {
    if (error instanceof ApiError) {
      const [about, wait] = [error.about ?? 'nothing', isTransient(error) ? ', for now' : ''];
      return `refused, of the ${about}${wait}`;
    }
    expect(String(error)).toContain('something between this process and the API server answered');
    // Perhaps it was carried out, and it is tried again.
    expect([isTransient(error), isAmbiguous(error)]).toEqual([true, true]);
    return 'no answer';
  }
}

/** What somebody else answers. */
const pages: [what: string, body: unknown][] = [
  ['plain text', '404 page not found\n'],
  ['HTML', '<html><body>default backend</body></html>'],
  ['nothing', ''],
  ['JSON of its own', { error: 'not found', status: 404 }],
  ['a list', [lock]],
  ['null', 'null'],
  ['a string', '"NotFound"'],
  ['a number', '404'],
  ['a truncated object', JSON.stringify(lock).slice(0, -1)],
  ['another object', { ...lock, metadata: { ...lock.metadata, name: 'b' } }],
  ['an object of another namespace', { ...lock, metadata: { name: 'a', namespace: 'dev' } }],
  ['an object of no namespace', { ...lock, metadata: { name: 'a' } }],
  ['an object of another kind', { ...lock, kind: 'Secret' }],
  ['an object of no kind', { metadata: lock.metadata }],
  ['a Status about nothing', { ...status, status: 'Failure' }],
  ['a Status of success about nothing', deleted()],
];

describe('a page', () => {
  const codes = [200, 201, 204, 301, 302, 307, 400, 403, 404, 405, 409, 410, 418, 422, 451];
  const requests: [Method, string][] = [
    ['GET', `${LOCKS}/a`],
    ['POST', LOCKS],
    ['PUT', `${LOCKS}/a`],
    ['PATCH', `${LOCKS}/a`],
    ['DELETE', `${LOCKS}/a`],
    ['GET', LOCKS],
  ];
  describe.each(requests)('instead of what %s %s is answered', (method, path) => {
    it.each(pages)('is no answer, whatever its status: %s', async (_, body) => {
      for (const code of codes) {
        expect([code, await verdict(method, path, code, body)]).toEqual([code, 'no answer']);
      }
    });

    it.each(pages)('changes nothing with what may be tried again: %s', async (_, body) => {
      for (const code of [401, 408, 429, 500, 502, 503, 504]) {
        const said = await verdict(method, path, code, body);
        expect([code, said]).toEqual([code, 'refused, of the nothing, for now']);
      }
    });
  });
});

describe('an object', () => {
  it.each<[Method, string, number]>([
    ['GET', `${LOCKS}/a`, 200],
    ['POST', LOCKS, 201],
    ['PUT', `${LOCKS}/a`, 200],
    ['PATCH', `${LOCKS}/a`, 200],
    ['DELETE', `${LOCKS}/a`, 200],
  ])('grants %s %s', async (method, path, code) => {
    expect(await verdict(method, path, code, lock)).toBe('granted');
  });

  it('has no namespace where its kind has none', async () => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } };
    expect(await verdict('GET', '/api/v1/nodes/n1', 200, node)).toBe('granted');
    const placed = { ...node, metadata: { name: 'n1', namespace: 'prod' } };
    expect(await verdict('GET', '/api/v1/nodes/n1', 200, placed)).toBe('no answer');
  });

  it('that was created is the one that was to be', async () => {
    const sent = { ...lock, metadata: { name: 'b' } };
    expect(await verdict('POST', LOCKS, 201, lock, sent)).toBe('no answer');
  });

  it('may be asked for beside all resources', async () => {
    expect(subjectOf({ method: 'GET', path: '/version' })).toBeUndefined();
    expect(await verdict('GET', '/version', 200, { major: '1' })).toBe('granted');
  });

  it('is told apart by kind, namespace and name', () => {
    const subject = { group: '', resource: 'pods', namespace: 'prod', name: 'a' };
    expect(isAbout(pod, subject)).toBe(true);
    expect(isAbout(lock, subject)).toBe(false);
    expect(isAbout(pod, { ...subject, name: 'b' })).toBe(false);
    expect(isAbout(pod, { ...subject, namespace: 'dev' })).toBe(false);
    for (const other of [undefined, null, [], 'a', {}, { metadata: null }]) {
      expect(isAbout(other, subject)).toBe(false);
    }
  });
});

describe('a Status', () => {
  it.each([
    [`${LOCKS}/a`, { name: 'a', kind: 'configmaps', uid: 'u' }],
    [`${LOCKS}/a`, { name: 'a', kind: 'ConfigMap' }],
    [`${LEASES}/a`, { name: 'a', group: 'coordination.k8s.io', kind: 'leases', uid: 'u' }],
    [`${LEASES}/a`, { name: 'a', kind: 'leases' }],
  ])('grants a deletion that it names: %s %o', async (path, details) => {
    expect(await verdict('DELETE', path, 200, deleted(details))).toBe('granted');
    expect(await verdict('DELETE', path, 202, deleted(details))).toBe('granted');
    for (const method of ['GET', 'PUT', 'PATCH'] as const) {
      expect(await verdict(method, path, 200, deleted(details))).toBe('no answer');
    }
  });

  it.each([
    [`${LOCKS}/a`, { name: 'b', kind: 'configmaps' }],
    [`${LOCKS}/a`, { name: 'a', kind: 'secrets' }],
    [`${LOCKS}/a`, { name: 'a' }],
    [`${LEASES}/a`, { name: 'a', group: 'example.com', kind: 'leases' }],
  ])('about something else grants none: %s %o', async (path, details) => {
    expect(await verdict('DELETE', path, 200, deleted(details))).toBe('no answer');
  });

  it('of a failure grants none', async () => {
    const answer = failed(200, '', { name: 'a', kind: 'configmaps' });
    expect(await verdict('DELETE', `${LOCKS}/a`, 200, answer)).toBe('no answer');
  });

  it.each<[Method, string, object, string]>([
    ['GET', `${PODS}/a`, { name: 'a', kind: 'pods' }, 'object'],
    ['DELETE', `${LOCKS}/a`, { name: 'a', kind: 'configmaps' }, 'object'],
    ['PATCH', `${LOCKS}/a`, { name: 'a', kind: 'configmaps' }, 'object'],
    ['GET', `${LEASES}/a`, { name: 'a', group: 'coordination.k8s.io', kind: 'leases' }, 'object'],
    ['GET', '/api/v1/nodes/n1', { name: 'n1', kind: 'nodes' }, 'object'],
    ['POST', LOCKS, { name: 'prod', kind: 'namespaces' }, 'namespace'],
    ['PUT', `${LEASES}/a`, { name: 'prod', kind: 'namespaces' }, 'namespace'],
  ])('says for %s %s what is absent: %o', async (method, path, details, about) => {
    const said = await verdict(method, path, 404, failed(404, 'NotFound', details));
    expect(said).toBe(`refused, of the ${about}`);
  });

  it.each<[Method, string, object | undefined]>([
    ['GET', `${PODS}/a`, undefined],
    ['GET', `${PODS}/a`, {}],
    ['GET', `${PODS}/a`, { name: 'b', kind: 'pods' }],
    ['GET', `${PODS}/a`, { name: 'a', kind: 'configmaps' }],
    ['GET', `${PODS}/a`, { name: 'a' }],
    ['GET', `${PODS}/a`, { kind: 'pods' }],
    ['GET', `${PODS}/a`, { name: 'a', kind: 'pods', group: 'example.com' }],
    ['GET', `${PODS}/a`, { name: 'prod', kind: 'namespaces' }],
    ['DELETE', `${LOCKS}/a`, { name: 'prod', kind: 'namespaces' }],
    ['POST', LOCKS, { name: 'dev', kind: 'namespaces' }],
    ['POST', LOCKS, { name: 'prod', kind: 'configmaps' }],
    ['GET', LOCKS, {}],
  ])('that names nothing of %s %s says nothing of it: %o', async (method, path, details) => {
    const said = await verdict(method, path, 404, failed(404, 'NotFound', details));
    expect(said).toBe('no answer');
  });

  it.each<[string, object]>([
    ['another reason', failed(404, 'Forbidden', { name: 'a', kind: 'pods' })],
    ['no reason', failed(404, '', { name: 'a', kind: 'pods' })],
    ['another code', failed(403, 'NotFound', { name: 'a', kind: 'pods' })],
    ['success', { ...deleted({ name: 'a', kind: 'pods' }), code: 404 }],
    [
      'another version',
      { ...failed(404, 'NotFound', { name: 'a', kind: 'pods' }), apiVersion: 'v2' },
    ],
    ['another kind', { ...failed(404, 'NotFound', { name: 'a', kind: 'pods' }), kind: 'Error' }],
  ])('with %s is none', async (_, answer) => {
    expect(await verdict('GET', `${PODS}/a`, 404, answer)).toBe('no answer');
  });

  it.each<[number, string, object | undefined, string]>([
    [400, 'BadRequest', undefined, 'refused, of the nothing'],
    [403, 'Forbidden', { kind: 'configmaps' }, 'refused, of the nothing'],
    [403, 'Forbidden', { name: 'a', kind: 'configmaps' }, 'refused, of the object'],
    // Impersonation is refused in the name of the user.
    [403, 'Forbidden', { name: 'u', kind: 'users' }, 'refused, of the nothing'],
    [403, 'Forbidden', {}, 'no answer'],
    [403, 'Forbidden', undefined, 'no answer'],
    [403, 'NotFound', { kind: 'configmaps' }, 'no answer'],
    [405, 'MethodNotAllowed', {}, 'refused, of the nothing'],
    [409, 'AlreadyExists', { name: 'a', kind: 'configmaps' }, 'refused, of the object'],
    [409, 'Conflict', { name: 'a', kind: 'ConfigMap' }, 'refused, of the object'],
    [409, 'Conflict', { name: 'q', kind: 'resourcequotas' }, 'refused, of the nothing'],
    [409, 'AlreadyExists', { name: 'b', kind: 'configmaps' }, 'no answer'],
    [409, 'Conflict', { kind: 'configmaps' }, 'no answer'],
    [409, 'Conflict', undefined, 'no answer'],
    [409, 'Other', { name: 'a', kind: 'configmaps' }, 'no answer'],
    [410, 'Expired', undefined, 'refused, of the nothing'],
    [410, 'Gone', undefined, 'refused, of the nothing'],
    [410, 'Other', undefined, 'no answer'],
    [422, 'Invalid', { name: 'a', kind: 'ConfigMap' }, 'refused, of the object'],
    [422, 'Invalid', {}, 'refused, of the nothing'],
    [422, 'Invalid', undefined, 'no answer'],
    [422, 'Other', {}, 'no answer'],
    [501, 'NotImplemented', undefined, 'refused, of the nothing'],
    [302, 'Found', { name: 'a', kind: 'configmaps' }, 'no answer'],
  ])('of %i %s with the details %o', async (code, reason, details, expected) => {
    const answer = failed(code, reason, details);
    for (const method of ['POST', 'PATCH'] as const) {
      const path = method === 'POST' ? LOCKS : `${LOCKS}/a`;
      expect(await verdict(method, path, code, answer)).toBe(expected);
    }
  });

  it.each([400, 403, 404, 409, 410, 418, 422])(
    'in which a webhook denies a request with %i is a refusal, and says nothing else',
    async (code) => {
      const message = 'admission webhook "w.example.com" denied the request: no locks';
      const details = { name: 'a', kind: 'configmaps' };
      const answer = failed(code, 'NotFound', details, message);
      expect(await verdict('DELETE', `${LOCKS}/a`, code, answer)).toBe('refused, of the nothing');
    },
  );
});

describe('what is told of a page', () => {
  const told = (body: string, conceal?: (said: string) => string) => {
    const response = {
      status: 404,
      headers: {},
      body: NOTHING,
      ...(conceal && { conceal }),
    };
    return refused({ method: 'GET', path: `${PODS}/a` }, response, 'GET', body).message;
  };
  const who = 'something between this process and the API server answered: 404';

  it('is its status and its first words', () => {
    expect(told('404 page not found\n')).toBe(`${who} 404 page not found`);
    expect(told('<html>\n\t<p>Sorry</p>')).toBe(`${who} <html> <p>Sorry</p>`);
    expect(told('x'.repeat(100))).toBe(`${who} ${'x'.repeat(100)}`);
    expect(told('x'.repeat(101))).toBe(`${who} ${'x'.repeat(100)}…`);
    expect(told(' \n')).toBe(`${who} with an empty body`);
  });

  it('is nothing that was sent as a credential', () => {
    const conceal = (said: string) => said.replaceAll('secret', '***');
    expect(told(`${'x'.repeat(96)} secret`, conceal)).toBe(`${who} ${'x'.repeat(96)} ***`);
  });
});

describe('every answer of a real API server', () => {
  const file = new URL('../testing/real-answers/answers.json', import.meta.url);
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as Record<string, PlainAnswer[]>;
  const known =
    /^\/(api\/v1\/(.*\/(configmaps|pods)|nodes)|apis\/coordination\.k8s\.io\/v1\/.*\/leases)(\/[^/?]+)?$/;
  const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

  /** Of the kinds and methods that are used, without those that are no single JSON document. */
  const cases = Object.entries(EXCHANGES).flatMap(([group, exchanges]) =>
    exchanges.flatMap(({ method, path, body, accept }, index) => {
      const plain = path.replace('NS', '/api/v1/namespaces/real-answers');
      const { pathname, searchParams } = new URL(plain, 'http://cluster');
      const answer = recorded[group]?.[index];
      const isUsed = known.test(pathname) && METHODS.includes(method) && accept === undefined;
      // Collections are listed only; and nothing is created without a name.
      const hasName = (body as Partial<typeof lock> | undefined)?.metadata?.name !== undefined;
      const isSingle =
        method === 'GET' || (method === 'POST' ? hasName : pathname.split('/').length !== 6);
      if (!answer || !isUsed || !isSingle || searchParams.get('watch')) return [];
      const title = `${group} ${index}: ${method} ${path} ${answer.status}`;
      return [{ title, request: { method: method as Method, path: pathname, body }, answer }];
    }),
  );

  it.each(cases)('counts: $title', ({ request, answer }) => {
    const text = answer.body.map((line) => JSON.stringify(line)).join('\n');
    const response = { status: answer.status, headers: {}, body: NOTHING };
    const judge = () => granted(request, response, 'GET', text);
    if (answer.status < 300) expect(judge()).toEqual(answer.body[0]);
    else expect(judge).toThrow(ApiError);
  });
});
