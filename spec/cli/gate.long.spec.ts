import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { runs } from './runs.ts';

/** The program kills its parent with its first act, as the kernel may at any time. */
const PROGRAM = `
  const { ProcessGroup } = await import('./lib/cli/process-group.ts');
  const { Watchdog } = await import('./lib/cli/watchdog.ts');
  const watchdog = new Watchdog('/bin/sh', () => undefined);
  const program = ['-c', 'kill -KILL $PPID; echo $$; exec sleep 1000'];
  const group = new ProcessGroup({ file: '/bin/sh', args: program, env: {} }, '/bin/sh');
  watchdog.watch(group.id);
  group.letGo();
`;

// Without the gate, about half of them were left behind.
it.each(Array.from({ length: 10 }, (_, index) => index))(
  'a program begins only when its watchdog knows it (%i)',
  async () => {
    const args = ['--input-type=module', '-e', PROGRAM];
    const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [, printed] = await Promise.all([once(parent, 'exit'), text(parent.stdout)]);
    expect(parent.signalCode).toBe('SIGKILL');
    // Perhaps it was killed before it said anything.
    await expect.poll(() => runs(printed.trim())).toBe(false);
  },
);
