import { defineConfig } from 'vitest/config';
import quick from './vitest.config.js';

/** Every spec that needs no cluster. */
export default defineConfig({
  test: {
    ...quick.test,
    // Those that are long start processes and measure time.
    isolate: true,
    maxWorkers: undefined,
    exclude: ['spec/**/*.{browser,cluster}.spec.ts'],
    reporters: ['default', ['json', { outputFile: 'reports/long.json' }]],
  },
});
