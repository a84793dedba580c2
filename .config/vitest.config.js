import { defineConfig } from 'vitest/config';

/** What somebody waits for at a keyboard. What takes longer is in `*.long.spec.ts`. */
export default defineConfig({
  test: {
    root: process.cwd(),
    include: ['spec/**/*.spec.ts'],
    exclude: ['spec/**/*.{browser,cluster,long}.spec.ts'],
    // One worker for each core, each of which loads the library once for all of its files.
    isolate: false,
    maxWorkers: '100%',
    coverage: {
      provider: 'v8',
      include: ['lib/**'],
      // Real processes run the command line: see spec/cli/*.long.spec.ts.
      exclude: ['lib/cli/**'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95, branches: 95 },
    },
    setupFiles: ['spec/fuzz/seed.ts'],
    // Only what hangs takes as long, however busy the machine is.
    testTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    hookTimeout: 120_000,
    reporters: [
      'default',
      ...(process.env.GITHUB_ACTIONS ? ['github-actions'] : []),
      // `.ci/run` counts from it.
      ['json', { outputFile: 'reports/test.json' }],
    ],
  },
});
