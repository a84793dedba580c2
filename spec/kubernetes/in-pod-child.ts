/** A process in a Pod: elects in both modes, observes, and tells which packages it has loaded. */
import { registerHooks } from 'node:module';

const loaded = new Set<string>();
registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context);
    const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(found.url)?.[1];
    if (name !== undefined) loaded.add(name);
    return found;
  },
});

const { becomeOn } = await import('../../lib/life/become.ts');
const { leadOn } = await import('../../lib/lease/lead.ts');
const { observeLockIn } = await import('../../lib/observe/observe.ts');
const { systemPlatform } = await import('../../lib/platform/platform.ts');

const environment = { variables: process.env, root: process.argv[2] ?? '' };
const platform = { ...systemPlatform, environment };
const leadership = await becomeOn(platform, 'lock', {});
for await (const holder of observeLockIn(platform, 'lock', {})) {
  if (holder) break;
}
await leadership.release();
const token = await leadOn(platform, 'lease', ({ fencingToken }) => fencingToken, {});
console.log(JSON.stringify({ skipped: leadership.skipped, token, loaded: [...loaded] }));
