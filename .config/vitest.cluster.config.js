import { defineConfig } from 'vitest/config';

/** What runs on a real cluster: one spec at a time, for some stop parts of the cluster. */
export default defineConfig({
  test: {
    root: process.cwd(),
    include: ['spec/**/*.cluster.spec.ts'],
    globalSetup: ['spec/cluster/setup.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    reporters: [
      'default',
      ...(process.env.GITHUB_ACTIONS ? ['github-actions'] : []),
      // `.ci/run` counts from it.
      ['json', { outputFile: 'reports/cluster.json' }],
    ],
  },
});
