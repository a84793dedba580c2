import { defineConfig } from 'vitest/config';

/** The site in a real browser; the global setup builds it. */
export default defineConfig({
  test: {
    root: process.cwd(),
    include: ['spec/site/*.browser.spec.ts'],
    globalSetup: ['spec/site/setup.ts'],
    fileParallelism: false,
    // Nothing here is about how fast the machine is.
    testTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    hookTimeout: 60_000,
    reporters: [
      'default',
      ...(process.env.GITHUB_ACTIONS ? ['github-actions'] : []),
      // `.ci/run` counts from it.
      ['json', { outputFile: 'reports/site.json' }],
    ],
  },
});
