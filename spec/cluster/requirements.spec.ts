import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { build } from './build.ts';
import { requireNode } from './node.ts';
import * as program from './program.ts';

vi.mock('./program.ts', { spy: true });

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** A machine that has everything but these programs, and whose user is root. */
function machine({ without = [] as readonly string[], user = 0 } = {}): void {
  vi.spyOn(process, 'getuid').mockReturnValue(user);
  vi.mocked(program.findProgram).mockImplementation((name) =>
    without.includes(name) ? undefined : `/usr/bin/${name}`,
  );
}

describe('what a cluster needs and the machine does not have', () => {
  test('nothing is missing', () => {
    machine();
    expect(requireNode).not.toThrow();
  });

  test.for([
    ['root', { user: 1000 }],
    ['runc', { without: ['runc'] }],
    ['nsenter', { without: ['nsenter'] }],
  ] as const)('%s: is named, and that it goes on without a node', ([missing, lack]) => {
    machine(lack);
    expect(requireNode).toThrow(new RegExp(`a node needs ${missing}: .*\`up\` without --node`));
  });

  test('Go: is named, and that any other cluster will do', async () => {
    machine({ without: ['go'] });
    const cache = mkdtempSync(join(tmpdir(), 'cache-'));
    vi.stubEnv('XDG_CACHE_HOME', cache);
    const attempt = build(false, () => undefined);
    await expect(attempt).rejects.toThrow(/^Go is missing: .*Install Go.*CLUSTER=<kubeconfig>/);
    rmSync(cache, { recursive: true });
  });
});
