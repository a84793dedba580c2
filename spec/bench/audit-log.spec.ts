import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

import { AuditLog, parseRequest, parseTime } from './audit-log.ts';

const POD = 'authentication.kubernetes.io/pod-uid';
const TOKEN = 'authentication.kubernetes.io/credential-id';

function event(id: string, more: object = {}): string {
  return `${JSON.stringify({
    auditID: id,
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/arena/configmaps',
    verb: 'create',
    user: {
      username: 'system:serviceaccount:arena:candidate',
      extra: { [POD]: ['uid-1'], [TOKEN]: ['JTI=1e0f'] },
    },
    objectRef: { resource: 'configmaps', namespace: 'arena', name: 'lock' },
    responseStatus: { code: 201 },
    requestReceivedTimestamp: '2026-11-21T10:00:00.000100Z',
    stageTimestamp: '2026-11-21T10:00:00.004350Z',
    ...more,
  })}\n`;
}

describe('a request in the audit log', () => {
  test('is read with its times to the microsecond', () => {
    const { receivedTime, answeredTime } = parseRequest(event('a'));
    expect(answeredTime - receivedTime).toBeCloseTo(4.25, 3);
  });

  test.each([
    [
      'comes from a Pod',
      {},
      {
        ...{ id: 'a', verb: 'create', resource: 'configmaps', namespace: 'arena', name: 'lock' },
        ...{ resourceVersion: undefined, podUid: 'uid-1', tokenId: '1e0f', status: 201 },
      },
    ],
    [
      'is about one version of an object',
      { objectRef: { resource: 'leases', name: 'lock', resourceVersion: '781' } },
      { resource: 'leases', resourceVersion: '781' },
    ],
    [
      'is for no resource, and bears no known token',
      { objectRef: undefined, user: {}, requestURI: '/apis', responseStatus: {} },
      { resource: '/apis', podUid: undefined, tokenId: undefined, status: 0 },
    ],
  ])('%s', (_, more, expected) => {
    expect(parseRequest(event('a', more))).toMatchObject(expected);
  });

  test.each([
    ['2026-11-21T10:00:00Z', 0],
    ['2026-11-21T10:00:00.5Z', 500],
    ['2026-11-21T10:00:00.000001Z', 0.001],
    ['2026-11-21T10:00:01.123456Z', 1_123.456],
  ])('at %s', (timestamp, afterMs) => {
    const base = Date.parse('2026-11-21T10:00:00Z');
    expect(parseTime(timestamp) - base).toBeCloseTo(afterMs, 3);
  });

  test('at no known time is an error', () => {
    expect(() => parseTime('2026-11-21T10:00:00+01:00')).toThrow('not a time in UTC');
  });
});

describe('an audit log', () => {
  async function logOf(...lines: string[]): Promise<{ path: string; log: AuditLog }> {
    const folder = await mkdtemp(join(tmpdir(), 'leader-for-life-audit-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'audit.log');
    await writeFile(path, lines.join(''));
    return { path, log: new AuditLog(path, 'arena') };
  }

  const ids = (log: AuditLog) => log.read().map(({ id }) => id);

  test('leaves out other namespaces', async () => {
    const elsewhere = event('b').replaceAll('arena', 'elsewhere');
    const { log } = await logOf(event('a'), elsewhere);
    expect(ids(log)).toEqual(['a']);
  });

  test('shows a watch once, from when its answer began', async () => {
    const { log } = await logOf(
      event('w', { verb: 'watch', stage: 'ResponseStarted' }),
      event('w', { verb: 'watch', stageTimestamp: '2026-11-21T10:50:00.000000Z' }),
    );
    expect(log.read()).toHaveLength(1);
    expect(log.read()[0]?.answeredTime).toBe(parseTime('2026-11-21T10:00:00.004350Z'));
  });

  test('is in the order of the answers, not of the lines', async () => {
    const { log } = await logOf(
      event('late', { stageTimestamp: '2026-11-21T10:00:09.000002Z' }),
      event('early', { stageTimestamp: '2026-11-21T10:00:09.000001Z' }),
    );
    expect(ids(log)).toEqual(['early', 'late']);
  });

  test('is read on as it grows, also when a line comes in pieces', async () => {
    const { path, log } = await logOf(event('a'));
    expect(ids(log)).toEqual(['a']);
    const line = event('ä');
    const middle = Buffer.from(line).indexOf('ä') + 1;
    await appendFile(path, Buffer.from(line).subarray(0, middle));
    expect(ids(log)).toEqual(['a']);
    await appendFile(path, Buffer.from(line).subarray(middle));
    expect(ids(log)).toEqual(['a', 'ä']);
  });

  test('can be read from now on', async () => {
    const { path, log } = await logOf(event('a'));
    log.skip();
    await appendFile(path, event('b'));
    expect(ids(log)).toEqual(['b']);
  });
});
