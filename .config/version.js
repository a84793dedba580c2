// Writes the version of package.json into the library, whose bundles have no package.json beside them.
import { readFileSync, writeFileSync } from 'node:fs';

const file = 'lib/version.ts';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const text = readFileSync(file, 'utf8');
writeFileSync(file, text.replace(/(?<=^export const version = ').*(?=';$)/m, version));
