import { describe, expect, test } from 'vitest';

import { podOptionsOf } from '../../lib/cli/pod-options.ts';
import { run } from './console.ts';

describe('the options that concern Pods', () => {
  test('are those of the library', () => {
    const values = { label: 'role=leader', 'deletion-cost': 7, preference: 'newest' };
    expect(podOptionsOf(values)).toEqual({
      ...{ label: 'role=leader', deletionCost: 7, preference: 'newest' },
    });
    expect(podOptionsOf({})).toEqual({});
  });

  test.each([
    ['zone=a', { zone: 'a' }],
    ['example.com/gpu=', { 'example.com/gpu': '' }],
  ])('prefer nodes by %s', (preference, nodeLabel) => {
    expect(podOptionsOf({ preference }).preference).toEqual({ nodeLabel });
  });

  test.each(['oldest', '=a', 'Newest'])('refuse --preference %s', (preference) => {
    expect(() => podOptionsOf({ preference })).toThrow(
      `--preference must be newest or KEY=VALUE, but is "${preference}"`,
    );
  });
});

test.each([
  [['run', '--preference', 'oldest', 'x', '--', 'true'], 125, /--preference must be newest or/],
  [['wait', '--preference', 'oldest', 'x'], 125, /--preference must be newest or/],
  [['serve', '--preference', 'oldest', 'x'], 2, /--preference must be newest or/],
  [['serve', '--deletion-cost', '1.5', 'x'], 2, /--deletion-cost must be a whole number/],
  [['run', '--health-url', 'nowhere', 'x', '--', 'true'], 125, /--health-url must be a URL/],
  [['wait', '--label', 'a=b', 'x'], 125, /Unknown option '--label'/],
])('%j is bad usage', async (args, code, message) => {
  const { exitCode, stderr } = await run(args);
  expect([exitCode, stderr]).toEqual([code, expect.stringMatching(message)]);
});
