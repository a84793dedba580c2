import { beforeEach, describe, expect, it } from 'vitest';

import { Api } from '../../lib/kubernetes/api.ts';
import { getNode, nodesPath, toNode } from '../../lib/kubernetes/node.ts';
import { ManualClock, settled } from '../support/manual-clock.ts';
import { ScriptedTransport } from '../support/scripted-transport.ts';

let transport: ScriptedTransport;
let api: Api;

beforeEach(() => {
  transport = new ScriptedTransport();
  api = new Api(transport, new ManualClock());
});

const others = [
  { type: 'MemoryPressure', status: 'Unknown' },
  { type: 'DiskPressure', status: 'False' },
];
const withReady = (status: unknown) => ({
  kind: 'Node',
  metadata: { name: 'n1' },
  status: { conditions: [...others, { type: 'Ready', status }] },
});

describe('reading a node', () => {
  it('tells whether it is ready', async () => {
    transport.reply(200, withReady('True')).reply(200, withReady('Unknown'));
    await expect(getNode(api, 'n1')).resolves.toBe('ready');
    await expect(getNode(api, 'n1')).resolves.toBe('not-ready');
    expect(transport.requests[0]).toEqual({
      method: 'GET',
      path: '/api/v1/nodes/n1',
      query: expect.anything(),
    });
    expect(nodesPath).toBe('/api/v1/nodes');
  });

  it('tells that it is absent', async () => {
    transport.refuse(404);
    await expect(getNode(api, 'n1')).resolves.toBe('absent');
  });

  it.each([403, 500])('fails with a %i', async (status) => {
    transport.refuse(status);
    await expect(getNode(api, 'n1')).rejects.toMatchObject({ status });
  });

  it('ends with the signal', async () => {
    transport.hang();
    const controller = new AbortController();
    const reading = getNode(api, 'n1', controller.signal);
    await settled();
    controller.abort(new Error('the reason'));
    await expect(reading).rejects.toThrow('the reason');
  });
});

describe('a node that is read', () => {
  it.each([
    ['True', 'ready'],
    ['False', 'not-ready'],
    ['Unknown', 'not-ready'],
    ['unknown', 'ready'],
    ['', 'ready'],
    [false, 'ready'],
    [undefined, 'ready'],
  ])('whose condition is %j is %s', (status, reading) => {
    expect(toNode(withReady(status))).toBe(reading);
  });

  it.each([
    {},
    { status: null },
    { status: { conditions: null } },
    { status: { conditions: [] } },
    { status: { conditions: others } },
    { status: { conditions: [null, 7, 'Ready', { type: ['Ready'], status: 'False' }] } },
    { status: { conditions: [Object.create({ type: 'Ready', status: 'False' }) as object] } },
  ])('that says nothing is given the doubt: %j', (json) => {
    expect(toNode(json)).toBe('ready');
  });
});
