/** Lets an example, wherever it lies, import what a user of the package could import. */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { entryPoints, root } from './entry-points.ts';

const names = new Map(Object.entries(entryPoints));
const parentURL = pathToFileURL(`${root}/package.json`).href;

registerHooks({
  resolve(specifier, context, next) {
    const path = names.get(specifier);
    if (path) return { url: pathToFileURL(path).href, shortCircuit: true };
    const isBare = /^[@a-z]/.test(specifier) && !specifier.includes(':');
    return next(
      specifier,
      isBare && !context.parentURL?.includes('/node_modules/')
        ? { ...context, parentURL }
        : context,
    );
  },
});
