import type createDebug from 'debug';

import { nodeProcess } from './node-process.ts';
import { printable } from './printable.ts';

let loaded: typeof createDebug | undefined;
let loading: Promise<void> | undefined;

function load(): Promise<void> {
  return (loading ??= import('debug').then((module) => {
    loaded = module.default;
  }));
}

/**
 * A log of `debug`, in the namespace `leader-for-life:NAME`. The variable `DEBUG` says what is
 * enabled, even if the program enables it while it runs. `debug` is loaded only then, because it
 * takes a fifth of the time that the library takes to load.
 */
export function createLog(name: string): (message: string) => void {
  let log: createDebug.Debugger | undefined;
  const write = (message: string) => {
    log ??= loaded?.(`leader-for-life:${name}`);
    if (log?.enabled) log('%s', printable(message));
  };
  return (message) => {
    if (!nodeProcess?.env?.['DEBUG']) return;
    if (loaded) write(message);
    else
      void load().then(
        () => write(message),
        () => undefined,
      );
  };
}
