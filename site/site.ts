/** npm run site [-- build | preview]: serves the site while it is written, builds it, or shows the build. */
import { watch } from 'node:fs';
import { join } from 'node:path';
import { build, createServer, serve } from 'vitepress';
import { collect, copyPage } from './content.ts';

const root = import.meta.dirname;
const [command = 'dev'] = process.argv.slice(2);

switch (command) {
  case 'build':
    collect();
    await build(root);
    break;
  case 'preview':
    await serve({ root });
    break;
  case 'dev': {
    collect();
    const server = await createServer(root);
    await server.listen();
    server.printUrls();
    const docs = join(root, '../docs');
    watch(docs, { recursive: true }, (_type, path) => {
      if (path?.endsWith('.md')) copyPage(join('docs', path));
    });
    break;
  }
  default:
    process.exitCode = 1;
    process.stderr.write(`"${command}" is not a command: use build, preview, or none to serve.\n`);
}
