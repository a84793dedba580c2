// The app of docs/deploy/library: it leads for life, and is alive and ready all the time.
import { createServer } from 'node:http';
import { become } from 'leader-for-life';

// The first process of a container gets no signal that it does not handle.
process.once('SIGTERM', () => process.exit(0));
createServer((_, response) => response.end()).listen(8080);
await become('app-lock');
console.log('leading');
