import fc from 'fast-check';

/**
 * Every property is tried with the same values each time: specs that draw new ones are no gate.
 * `npm run fuzz` draws fresh ones, by `FUZZ_SEED`.
 */
fc.configureGlobal({ seed: Number(process.env['FUZZ_SEED'] ?? 1) });
