import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect, test } from 'vitest';

const run = promisify(execFile);
const module = new URL('../lib/platform/platform.ts', import.meta.url).href;

test('a warning is printed although the process ends at once', async () => {
  const program = `
    import { systemPlatform } from ${JSON.stringify(module)};
    systemPlatform.warn('the lock may be left behind', 'LEADER_FOR_LIFE_LEFT_BEHIND');
    process.exit();`;
  const { stderr } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  expect(stderr).toContain(
    '[LEADER_FOR_LIFE_LEFT_BEHIND] LeaderElectionWarning: the lock may be left behind',
  );
});

test('a warning is not printed where the user wants none', async () => {
  const program = `
    import { systemPlatform } from ${JSON.stringify(module)};
    systemPlatform.warn('the lock may be left behind', 'LEADER_FOR_LIFE_LEFT_BEHIND');`;
  const args = ['--disable-warning=LEADER_FOR_LIFE_LEFT_BEHIND', '--input-type=module', '--eval'];
  const { stderr } = await run(process.execPath, [...args, program]);
  expect(stderr).not.toContain('left behind');
});

test('what a listener of warnings throws does not reach who warns', async () => {
  const program = `
    import { systemPlatform } from ${JSON.stringify(module)};
    process.on('uncaughtException', (error) => console.log('uncaught:', error.message));
    process.on('warning', () => { throw new Error('no room for a log'); });
    systemPlatform.warn('told', 'LEADER_FOR_LIFE_TROUBLE');
    console.log('goes on');`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  expect(stdout).toBe('goes on\nuncaught: no room for a log\n');
});

test('a warning names itself, and where it was given, to who traces warnings', async () => {
  const program = `
    import { systemPlatform } from ${JSON.stringify(module)};
    function elects() { systemPlatform.warn('told', 'LEADER_FOR_LIFE_TROUBLE'); }
    elects();`;
  const args = ['--trace-warnings', '--input-type=module', '--eval', program];
  const { stderr } = await run(process.execPath, args);
  expect(stderr).toMatch(/LeaderElectionWarning: told\n +at elects /);
});
