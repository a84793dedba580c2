// Reads until nobody writes any more: whoever started it has dismissed it, or was killed.
import { text } from 'node:stream/consumers';
import { withLock } from '../cluster/lock.ts';
import { stopwatch } from '../cluster/progress.ts';
import { clearAway, markOf } from './stray.ts';

const [clusterName = ''] = process.argv.slice(2);

if ((await text(process.stdin)) === '') {
  const report = stopwatch();
  report('the run was killed: clearing away what it left');
  await withLock(markOf(clusterName), report, () => clearAway(clusterName, report));
}
