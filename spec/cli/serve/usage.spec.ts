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

test.each(['1500ms', '500ms'])('--ttl %s is bad usage: a Lease has whole seconds', async (ttl) => {
  const { exitCode, stderr } = await run(['serve', '--lease', '--ttl', ttl, 'x']);
  expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/--ttl must be a whole number/)]);
});
