import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('../package.json') as { readonly version: string };

/** This package's version, for the user agent. */
export const { version } = manifest;
