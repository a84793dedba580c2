import { defineConfig } from 'vitest/config';

// Only the unit specs of the rooms that are mutated: the others would slow each mutant down.
export default defineConfig({
  test: {
    root: process.cwd(),
    include: [
      'spec/protocol/**/*.spec.ts',
      'spec/kubernetes/**/*.spec.ts',
      'spec/lease/{client-go,healthz,lease-lock,options,term,term-signal}.spec.ts',
    ],
    // Whole worlds, and another one each time.
    exclude: ['spec/protocol/lease.properties.spec.ts'],
    // Short, for a mutant that hangs is waited for.
    testTimeout: 5_000,
  },
});
