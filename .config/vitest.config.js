import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: process.cwd(),
    include: ['spec/**/*.spec.ts'],
    exclude: ['spec/**/*.cluster.spec.ts'],
    setupFiles: ['spec/fuzz/seed.ts'],
    testTimeout: 30_000,
    reporters: [
      'default',
      ...(process.env.GITHUB_ACTIONS ? ['github-actions'] : []),
      // `.ci/run` counts from it.
      ['json', { outputFile: 'reports/test.json' }],
    ],
    coverage: {
      provider: 'v8',
      include: ['lib/**'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95, branches: 95 },
    },
  },
});
