/**
 * `npm run demo`: shows in a few seconds what the library does, and checks what it shows. Takes the
 * name of a play, by default `life`.
 */
import { plays } from './plays.ts';
import { show } from './show.ts';

const [name = 'life'] = process.argv.slice(2);
const play = plays[name];

if (!play) {
  console.error(`There is no play ${name}`);
  process.exitCode = 2;
} else if (!(await show(play))) {
  process.exitCode = 1;
}
