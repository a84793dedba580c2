/** An app on a developer's machine: there is no cluster, so it leads. */
import assert from 'node:assert/strict';
import { become } from 'leader-for-life';

const leadership = await become('my-app-lock');
assert.equal(leadership.skipped, true);
