import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { build } from './build.ts';
import { requireNode } from './node.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** A machine that has everything but this program, seen by root. */
function machine({ without = '', user = 0 } = {}) {
  vi.spyOn(process, 'getuid').mockReturnValue(user);
  return (name: string) => (name === without ? undefined : `/usr/bin/${name}`);
}

describe('what a cluster needs and the machine does not have', () => {
  test('nothing is missing', () => {
    const find = machine();
    expect(() => requireNode(find)).not.toThrow();
  });

  test.for([
    ['root', { user: 1000 }],
    ['runc', { without: 'runc' }],
    ['nsenter', { without: 'nsenter' }],
  ] as const)('%s: is named, and that it goes on without a node', ([missing, lack]) => {
    const find = machine(lack);
    expect(() => requireNode(find)).toThrow(
      new RegExp(`a node needs ${missing}: .*\`up\` without --node`),
    );
  });

  test('Go: is named, and that any other cluster will do', async () => {
    const cache = mkdtempSync(join(tmpdir(), 'cache-'));
    vi.stubEnv('XDG_CACHE_HOME', cache);
    const attempt = build(false, () => undefined, machine({ without: 'go' }));
    await expect(attempt).rejects.toThrow(/^Go is missing: .*Install Go.*CLUSTER=<kubeconfig>/);
    rmSync(cache, { recursive: true });
  });
});
