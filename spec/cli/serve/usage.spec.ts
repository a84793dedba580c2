import { expect, test } from 'vitest';

import { run } from '../console.ts';

test.each([
  [['serve'], /A name is missing/],
  [['serve', 'x', 'y'], /one argument too many/],
  [['serve', '--election', 'x', 'y'], /--election and NAME say the same/],
  [['serve', '--id', 'x', 'y'], /add --lease/],
  [['serve', '--ttl', '15s', 'y'], /add --lease/],
  [['serve', '--http', 'nowhere', 'x'], /--http must be HOST:PORT/],
  [['serve', '--health-url', 'nowhere', 'x'], /--health-url must be a URL/],
])('%j is bad usage', async (args, message) => {
  const { exitCode, stderr } = await run(args);
  expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)]);
});

test.each([
  [['--grace', '10s']],
  [['--ttl', '3s', '--grace', '2s']],
  [['--election', 'y', '--ttl', '3s', '--grace', '2s']],
])('%j is bad usage: others would lead while the grace lasts', async (args) => {
  const name = args.includes('--election') ? [] : ['--lease', 'x'];
  const { exitCode, stderr } = await run(['serve', ...args, ...name]);
  expect([exitCode, stderr]).toEqual([
    2,
    expect.stringMatching(/--grace must be less than (?:10000|2000)ms, two thirds of --ttl/),
  ]);
});

test.each(['1500ms', '500ms'])('--ttl %s is bad usage: a Lease has whole seconds', async (ttl) => {
  const { exitCode, stderr } = await run(['serve', '--lease', '--ttl', ttl, 'x']);
  expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/--ttl must be a whole number/)]);
});
