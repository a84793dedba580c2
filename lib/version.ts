/** This package's version, for the user agent. `npm version` sets it; package.spec.ts compares it. */
export const version = '0.1.0';
