// The subject lines of the latest commits: `area: imperative`, at most 72 characters.
import { execFileSync } from 'node:child_process';

const COUNT = 40;
const SUBJECT = /^[a-z][a-z0-9./-]*: \S.*[^.\s]$/;

const log = execFileSync('git', ['log', '--no-merges', '--format=%h %s', `-${COUNT}`], {
  encoding: 'utf8',
});
const wrong = log
  .trim()
  .split('\n')
  .filter((line) => {
    const subject = line.replace(/^\S+ /, '');
    return subject.length > 72 || !SUBJECT.test(subject);
  });
if (wrong.length > 0) {
  console.error('These subjects are not `area: imperative, at most 72 characters`:');
  console.error(wrong.join('\n'));
  process.exitCode = 1;
}
