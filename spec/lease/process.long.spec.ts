import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { describe, expect, onTestFinished, test } from 'vitest';

import { createCluster } from '../../lib/testing/index.ts';

const child = fileURLToPath(new URL('process-child.ts', import.meta.url));
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

/** Runs the process to its end: one that something holds is killed, and fails. */
async function run(mode: string, kubeConfigText = ''): Promise<string> {
  const env = { PATH: process.env['PATH'] };
  const options = { env, timeout: 110_000 };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [child, mode, kubeConfigText],
    options,
  );
  return stdout.trim();
}

const ABANDONED =
  'LeaderElectionError: The work for Lease default/lock has not ended within 500 ms and was given up. ' +
  'It may go on although child does not lead any more. Make it end soon after its signal has aborted. ' +
  'As long as it does not, end the process: another replica may lead beside it.';

describe('a process ends by itself', () => {
  test.for([
    ['returns', undefined, 'skipped: false', ''],
    ['throws', undefined, 'Error: enough', ''],
    ['cancelled', undefined, 'Error: enough', undefined],
    ['waits', 'other', 'stopped', 'other'],
    ['hangs', undefined, ABANDONED, 'child'],
    ['reads', 'other', 'holder: other', 'other'],
  ] as const)('%s, while the holder is %s', async ([mode, holder, output, holderAfter]) => {
    const cluster = await createCluster();
    onTestFinished(() => cluster.close());
    if (holder !== undefined) {
      const spec = { holderIdentity: holder, leaseDurationSeconds: 3_600 };
      cluster.request('POST', LEASES, { metadata: { name: 'lock' }, spec });
    }
    expect(await run(mode, cluster.kubeConfigText())).toBe(output);
    expect(cluster.getLease('lock')?.spec?.holderIdentity).toBe(holderAfter);
  });

  test('outside a cluster, where it leads at once', async () => {
    expect(await run('outside')).toBe('skipped: true');
  });
});
