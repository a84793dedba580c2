import { describe, expect, it, onTestFinished } from 'vitest';
import { createCluster } from '../../lib/testing/index.ts';
import { CliProcess } from './cli-process.ts';
import { change, hold } from './console.ts';

async function watching(...args: string[]) {
  const cluster = await createCluster();
  onTestFinished(() => cluster.close());
  hold(cluster, 'lease', 'a_1');
  const process = new CliProcess(cluster, ['status', '--watch', ...args]);
  onTestFinished(() => process[Symbol.asyncDispose]());
  return { cluster, process };
}

describe('status --watch', () => {
  it('prints a line for each change, until a signal ends it', async () => {
    const { cluster, process } = await watching();
    await process.prints(/^NAME +MODE .*\nlease +lease +a_1 .* held\n/);
    // A renewal is no change.
    change(cluster, 'lease', { renewTime: new Date().toISOString().replace('Z', '001Z') });
    change(cluster, 'lease', { holderIdentity: 'b_2' });
    await process.prints(/^lease +lease +b_2 .* held\n/m);
    hold(cluster, 'another', 'c_3');
    await process.prints(/^another +lease +c_3 /m);
    cluster.request('DELETE', '/apis/coordination.k8s.io/v1/namespaces/default/leases/another');
    await process.prints(/^another +lease +- .* free\n/m);
    process.kill('SIGINT');
    const { code, stdout } = await process.end();
    expect(code).toBe(130);
    expect(stdout.trimEnd().split('\n')).toHaveLength(5);
  });

  it('goes on when the API server does not answer for a while', async () => {
    const { cluster, process } = await watching('lease', '-o', 'json');
    await process.prints(/^\{.*"holder":"a_1".*\}\n/);
    const fault = cluster.faults.add({ reset: true });
    await process.prints(/Could not read (?:Lease|ConfigMap) lease within 10000 ms/, 'stderr');
    fault.remove();
    change(cluster, 'lease', { holderIdentity: 'b_2' });
    await process.prints(/^\{.*"holder":"b_2".*\}\n/m);
    process.kill('SIGTERM');
    expect((await process.end()).code).toBe(143);
  });
});
