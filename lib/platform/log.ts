import createDebug from 'debug';

import { printable } from './printable.ts';

/** A log of `debug`, in the namespace `leader-for-life:NAME`. */
export function createLog(name: string): (message: string) => void {
  const log = createDebug(`leader-for-life:${name}`);
  return (message) => {
    if (log.enabled) log('%s', printable(message));
  };
}
