/** Writes the URL of every module that was loaded, imported or required, when the process ends. */
import { registerHooks } from 'node:module';

const urls: string[] = [];

registerHooks({
  load(url, context, next) {
    urls.push(url);
    return next(url, context);
  },
});

process.once('exit', () => process.stdout.write(JSON.stringify(urls)));
