import { describe, expect } from 'vitest';

import { getNode, nodesPath, toNode } from '../../lib/kubernetes/node.ts';
import { it } from './scripted.ts';

const others = [
  { type: 'MemoryPressure', status: 'Unknown' },
  { type: 'DiskPressure', status: 'False' },
];
const withReady = (status: unknown) => ({
  kind: 'Node',
  metadata: { name: 'n1' },
  status: { conditions: [...others, { type: 'Ready', status }] },
});

it('getNode reads a node by its name', async ({ api, transport }) => {
  transport.reply(200, withReady('Unknown'));
  await expect(getNode(api, 'n1')).resolves.toBe('not-ready');
  const path = `${nodesPath}/n1`;
  expect(transport.requests).toEqual([{ method: 'GET', path, query: expect.anything() }]);
  expect(nodesPath).toBe('/api/v1/nodes');
});

describe('a node', () => {
  it.for([
    ['True', 'ready'],
    ['False', 'not-ready'],
    ['Unknown', 'not-ready'],
    ['unknown', 'ready'],
    ['', 'ready'],
    [false, 'ready'],
    [undefined, 'ready'],
  ])('whose Ready condition is %j is %s', ([status, reading]) => {
    expect(toNode(withReady(status))).toBe(reading);
  });

  it.for([
    {},
    { status: null },
    { status: { conditions: null } },
    { status: { conditions: [] } },
    { status: { conditions: others } },
    { status: { conditions: [null, 7, 'Ready', { type: ['Ready'], status: 'False' }] } },
    { status: { conditions: [Object.create({ type: 'Ready', status: 'False' }) as object] } },
  ])('without a Ready condition is ready: %j', (json) => {
    expect(toNode(json)).toBe('ready');
  });
});
