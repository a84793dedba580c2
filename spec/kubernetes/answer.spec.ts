import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';

import { granted, isAbout, refused, subjectOf } from '../../lib/kubernetes/answer.ts';
import { ApiError, isAmbiguous, isTransient } from '../../lib/kubernetes/outcome.ts';
import { Api } from '../../lib/kubernetes/api.ts';
import type { ApiRequest } from '../../lib/kubernetes/transport.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';
import { EXCHANGES } from '../testing/real-answers/exchanges.ts';
import { NAMESPACE, recorded } from '../testing/real-answers/play.ts';

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

const granting: [Method, string, number][] = [
  ['GET', `${LOCKS}/a`, 200],
  ['POST', LOCKS, 201],
  ['PUT', `${LOCKS}/a`, 200],
  ['PATCH', `${LOCKS}/a`, 200],
  ['DELETE', `${LOCKS}/a`, 200],
];

describe.for([...granting, ['GET', LOCKS] as const])(
  'a page instead of %s %s',
  ([method, path]) => {
    const codes = [200, 201, 204, 301, 302, 307, 400, 403, 404, 405, 409, 410, 418, 422, 451];
    const transient = [401, 408, 429, 500, 502, 503, 504];

    it.each(pages)('is no answer, unless its code may be tried again: %s', async (_, body) => {
      for (const code of codes) {
        expect([code, await verdict(method, path, code, body)]).toEqual([code, 'no answer']);
      }
      for (const code of transient) {
        const said = await verdict(method, path, code, body);
        expect([code, said]).toEqual([code, 'refused, of the nothing, for now']);
      }
    });
  },
);

describe('an object', () => {
  it.each(granting)('grants %s %s', async (method, path, code) => {
    expect(await verdict(method, path, code, lock)).toBe('granted');
  });

  it.each([
    [{ name: 'n1' }, 'granted'],
    [{ name: 'n1', namespace: 'prod' }, 'no answer'],
  ])('of a kind without namespaces: %o', async (metadata, expected) => {
    const node = { apiVersion: 'v1', kind: 'Node', metadata };
    expect(await verdict('GET', '/api/v1/nodes/n1', 200, node)).toBe(expected);
  });

  it('of another name than was to be created is no answer', async () => {
    const sent = { ...lock, metadata: { name: 'b' } };
    expect(await verdict('POST', LOCKS, 201, lock, sent)).toBe('no answer');
  });

  it('grants a path that is no resource', async () => {
    expect(subjectOf({ method: 'GET', path: '/version' })).toBeUndefined();
    expect(await verdict('GET', '/version', 200, { major: '1' })).toBe('granted');
  });

  it('isAbout goes by kind, namespace and name', () => {
    const subject = { group: '', resource: 'pods', namespace: 'prod', name: 'a' };
    expect(isAbout(pod, subject)).toBe(true);
    for (const other of [{ name: 'b' }, { namespace: 'dev' }]) {
      expect(isAbout(pod, { ...subject, ...other })).toBe(false);
    }
    const others = [lock, undefined, null, [], 'a', {}, { metadata: null }];
    expect(others.filter((other) => isAbout(other, subject))).toEqual([]);
  });
});

const lease = { name: 'a', group: 'coordination.k8s.io', kind: 'leases' };
const configMap = { name: 'a', kind: 'configmaps' };

describe('a Status of success', () => {
  it.each([
    [`${LOCKS}/a`, { ...configMap, uid: 'u' }, 'granted'],
    [`${LOCKS}/a`, { name: 'a', kind: 'ConfigMap' }, 'granted'],
    [`${LEASES}/a`, { ...lease, uid: 'u' }, 'granted'],
    [`${LEASES}/a`, { name: 'a', kind: 'leases' }, 'granted'],
    [`${LOCKS}/a`, { name: 'b', kind: 'configmaps' }, 'no answer'],
    [`${LOCKS}/a`, { name: 'a', kind: 'secrets' }, 'no answer'],
    [`${LOCKS}/a`, { name: 'a' }, 'no answer'],
    [`${LEASES}/a`, { ...lease, group: 'example.com' }, 'no answer'],
  ])('to DELETE %s with %o: %s; to all else it is no answer', async (path, details, expected) => {
    for (const code of [200, 202]) {
      expect(await verdict('DELETE', path, code, deleted(details))).toBe(expected);
    }
    for (const method of ['GET', 'PUT', 'PATCH'] as const) {
      expect(await verdict(method, path, 200, deleted(details))).toBe('no answer');
    }
  });

  it('has to be one', async () => {
    const answer = failed(200, '', configMap);
    expect(await verdict('DELETE', `${LOCKS}/a`, 200, answer)).toBe('no answer');
  });
});

describe('LIFE-1: a Status of NotFound', () => {
  const ofPod = { name: 'a', kind: 'pods' };
  const namespace = { name: 'prod', kind: 'namespaces' };
  it.each<[Method, string, object | undefined, string]>([
    ['GET', `${PODS}/a`, ofPod, 'refused, of the object'],
    ['DELETE', `${LOCKS}/a`, configMap, 'refused, of the object'],
    ['PATCH', `${LOCKS}/a`, configMap, 'refused, of the object'],
    ['GET', `${LEASES}/a`, lease, 'refused, of the object'],
    ['GET', '/api/v1/nodes/n1', { name: 'n1', kind: 'nodes' }, 'refused, of the object'],
    ['POST', LOCKS, namespace, 'refused, of the namespace'],
    ['PUT', `${LEASES}/a`, namespace, 'refused, of the namespace'],
    ['GET', `${PODS}/a`, undefined, 'no answer'],
    ['GET', `${PODS}/a`, {}, 'no answer'],
    ['GET', `${PODS}/a`, { name: 'b', kind: 'pods' }, 'no answer'],
    ['GET', `${PODS}/a`, configMap, 'no answer'],
    ['GET', `${PODS}/a`, { name: 'a' }, 'no answer'],
    ['GET', `${PODS}/a`, { kind: 'pods' }, 'no answer'],
    ['GET', `${PODS}/a`, { ...ofPod, group: 'example.com' }, 'no answer'],
    ['GET', `${PODS}/a`, namespace, 'no answer'],
    ['DELETE', `${LOCKS}/a`, namespace, 'no answer'],
    ['POST', LOCKS, { name: 'dev', kind: 'namespaces' }, 'no answer'],
    ['POST', LOCKS, { name: 'prod', kind: 'configmaps' }, 'no answer'],
    ['GET', LOCKS, {}, 'no answer'],
  ])('to %s %s with %o: %s', async (method, path, details, expected) => {
    const answer = failed(404, 'NotFound', details);
    expect(await verdict(method, path, 404, answer)).toBe(expected);
  });

  const absent = failed(404, 'NotFound', ofPod);
  it.each<[string, object]>([
    ['reason', { ...absent, reason: 'Forbidden' }],
    ['reason: none', { ...absent, reason: '' }],
    ['code', { ...absent, code: 403 }],
    ['status: success', { ...deleted(ofPod), code: 404 }],
    ['version', { ...absent, apiVersion: 'v2' }],
    ['kind', { ...absent, kind: 'Error' }],
  ])('is no answer with another %s', async (_, answer) => {
    expect(await verdict('GET', `${PODS}/a`, 404, answer)).toBe('no answer');
  });
});

describe('a Status of a failure', () => {
  it.each<[number, string, object | undefined, string]>([
    [400, 'BadRequest', undefined, 'refused, of the nothing'],
    [403, 'Forbidden', { kind: 'configmaps' }, 'refused, of the nothing'],
    [403, 'Forbidden', configMap, 'refused, of the object'],
    // Impersonation is refused in the name of the user.
    [403, 'Forbidden', { name: 'u', kind: 'users' }, 'refused, of the nothing'],
    [403, 'Forbidden', {}, 'no answer'],
    [403, 'Forbidden', undefined, 'no answer'],
    [403, 'NotFound', { kind: 'configmaps' }, 'no answer'],
    [405, 'MethodNotAllowed', {}, 'refused, of the nothing'],
    [409, 'AlreadyExists', configMap, 'refused, of the object'],
    [409, 'Conflict', { name: 'a', kind: 'ConfigMap' }, 'refused, of the object'],
    [409, 'Conflict', { name: 'q', kind: 'resourcequotas' }, 'refused, of the nothing'],
    [409, 'AlreadyExists', { name: 'b', kind: 'configmaps' }, 'no answer'],
    [409, 'Conflict', { kind: 'configmaps' }, 'no answer'],
    [409, 'Conflict', undefined, 'no answer'],
    [409, 'Other', configMap, 'no answer'],
    [410, 'Expired', undefined, 'refused, of the nothing'],
    [410, 'Gone', undefined, 'refused, of the nothing'],
    [410, 'Other', undefined, 'no answer'],
    [422, 'Invalid', { name: 'a', kind: 'ConfigMap' }, 'refused, of the object'],
    [422, 'Invalid', {}, 'refused, of the nothing'],
    [422, 'Invalid', undefined, 'no answer'],
    [422, 'Other', {}, 'no answer'],
    [501, 'NotImplemented', undefined, 'refused, of the nothing'],
    [302, 'Found', configMap, 'no answer'],
  ])('%i %s with %o: %s', async (code, reason, details, expected) => {
    const answer = failed(code, reason, details);
    expect(await verdict('POST', LOCKS, code, answer)).toBe(expected);
    expect(await verdict('PATCH', `${LOCKS}/a`, code, answer)).toBe(expected);
  });

  it.each([400, 403, 404, 409, 410, 418, 422])(
    'in which a webhook denies a request with %i is about nothing',
    async (code) => {
      const message = 'admission webhook "w.example.com" denied the request: no locks';
      const answer = failed(code, 'NotFound', configMap, message);
      expect(await verdict('DELETE', `${LOCKS}/a`, code, answer)).toBe('refused, of the nothing');
    },
  );
});

describe('what an error says of a page', () => {
  it.each<[string, string, ((said: string) => string)?]>([
    ['404 page not found\n', ' 404 page not found'],
    ['<html>\n\t<p>Sorry</p>', ' <html> <p>Sorry</p>'],
    ['x'.repeat(100), ` ${'x'.repeat(100)}`],
    ['x'.repeat(101), ` ${'x'.repeat(100)}…`],
    [' \n', ' with an empty body'],
    [
      `${'x'.repeat(96)} secret`,
      ` ${'x'.repeat(96)} ***`,
      (said) => said.replaceAll('secret', '***'),
    ],
  ])('is its code and first words, without credentials: %j', (body, told, conceal) => {
    const response = { status: 404, headers: {}, body: NOTHING, ...(conceal && { conceal }) };
    const error = refused({ method: 'GET', path: `${PODS}/a` }, response, 'GET', body);
    const who = 'something between this process and the API server answered: 404';
    expect(error.message).toBe(`${who}${told}`);
  });
});

describe('every answer of a real API server', () => {
  const known =
    /^\/(api\/v1\/(.*\/(configmaps|pods)|nodes)|apis\/coordination\.k8s\.io\/v1\/.*\/leases)(\/[^/?]+)?$/;
  const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

  /** Of the kinds and methods that are used, without those that are no single JSON document. */
  const cases = Object.entries(EXCHANGES).flatMap(([group, exchanges]) =>
    exchanges.flatMap(({ method, path, body, accept }, index) => {
      const plain = path.replace('NS', NAMESPACE);
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
