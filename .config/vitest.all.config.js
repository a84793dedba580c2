import { defineConfig } from 'vitest/config';
import quick from './vitest.config.js';

/** Every spec that needs no cluster, and what of the library they reach. */
export default defineConfig({
  test: {
    ...quick.test,
    exclude: ['spec/**/*.cluster.spec.ts'],
    coverage: {
      provider: 'v8',
      include: ['lib/**'],
      reporter: ['text', 'json-summary'],
      thresholds: { lines: 95, branches: 95 },
    },
  },
});
