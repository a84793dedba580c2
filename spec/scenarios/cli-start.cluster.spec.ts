import { readFileSync } from 'node:fs';
import type { V1Container } from '@kubernetes/client-node';
import { expect } from 'vitest';

import { cliScenario } from './cli-scene.ts';

const COMMANDS = {
  run: ['run', 'lock', '--', 'sleep', '1'],
  'run-lease': ['run', '--lease', 'lock', '--', 'sleep', '1'],
  wait: ['wait', 'lock'],
  serve: ['serve', 'lock'],
  'serve-lease': ['serve', '--lease', 'lock'],
};
/** More than Node.js itself takes. */
const MOST_MB = 30;
const TICKS_MS = 10;

/** When a process began, on the machine's monotonic clock, as exactly as the kernel tells. */
function beganAtMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) * TICKS_MS;
}

/** What it has in memory now, shared with others or not. */
function residentMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1024;
}

cliScenario('each command waits in at most 30 MB more than Node.js itself takes', async (cli) => {
  const { scene, gateway } = cli;
  const start = (name: string, container: Partial<V1Container>) =>
    cli.pod(name, cli.podSpec({ containers: [cli.container('main', container)] }));
  const measure = async (name: string) => {
    const pid = await cli.processOf(name, 'node');
    const { status } = (await scene.findPod(name)) ?? {};
    const askedAtMs = gateway.cameAtMs.get(status?.podIP ?? '') ?? NaN;
    return { mb: residentMb(pid), startMs: Math.round(askedAtMs - beganAtMs(pid)) };
  };
  await start('bare', {
    command: ['node', '-e', 'console.log("runs"); setInterval(() => {}, 1e6)'],
  });
  await cli.writes('bare', 'runs');
  const bare = await measure('bare');
  console.log(`Node.js itself: ${bare.mb.toFixed(1)} MB`);
  for (const lease of [['--lease'], []]) {
    const name = lease.length > 0 ? 'lease' : 'life';
    await start(name, { args: ['run', ...lease, 'lock', '--', 'sleep', '600'] });
    await cli.writes(name, ': leading');
  }
  for (const [name, args] of Object.entries(COMMANDS)) {
    await start(name, { args });
    await cli.writes(name, ' leads');
    const { mb, startMs } = await measure(name);
    console.log(`${name}: asks ${startMs} ms after its start, waits in ${mb.toFixed(1)} MB`);
    expect(mb - bare.mb).toBeLessThan(MOST_MB);
  }
});
