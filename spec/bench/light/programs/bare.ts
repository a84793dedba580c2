// Node.js that does nothing.
import { writeSync } from 'node:fs';

writeSync(1, '{"event":"imported"}\n');
writeSync(1, `{"event":"${process.env['AIM']}"}\n`);
setInterval(() => undefined, 2 ** 31 - 1);
