import { defineConfig } from 'vitest/config';

// Only the unit specs of the rooms that are mutated: the others would slow each mutant down.
export default defineConfig({
  test: {
    root: process.cwd(),
    include: ['spec/{protocol,kubernetes,lease}/**/*.spec.ts'],
    // Whole worlds, and others each time; processes that are stopped for real.
    exclude: ['spec/protocol/lease/step.properties.spec.ts', 'spec/lease/traps.long.spec.ts'],
    // Short, for a mutant that hangs is waited for.
    testTimeout: 5_000,
  },
});
