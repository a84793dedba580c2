/**
 * `npm run demo`: shows in a few seconds what the library does, and checks what it shows. Takes the
 * name of a play, by default `life`.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Play } from './show.ts';

const [name = 'life'] = process.argv.slice(2);
const script = new URL(`plays/${name}.ts`, import.meta.url);

if (!existsSync(fileURLToPath(import.meta.resolve('leader-for-life')))) {
  // The replicas use the package as its users get it.
  console.error('The demo needs the built package: npm run build');
  process.exitCode = 1;
} else if (!existsSync(script)) {
  console.error(`There is no play ${name}`);
  process.exitCode = 2;
} else {
  const { show } = await import('./show.ts');
  const { play } = (await import(script.href)) as { play: Play };
  if (!(await show(play))) process.exitCode = 1;
}
