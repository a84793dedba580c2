import { defineConfig } from 'vitest/config';

// Only the unit specs of the rooms that are mutated: the others would slow each mutant down.
export default defineConfig({
  test: {
    root: process.cwd(),
    include: ['spec/protocol/**/*.spec.ts', 'spec/kubernetes/**/*.spec.ts'],
    // Short, for a mutant that hangs is waited for.
    testTimeout: 5_000,
  },
});
