import createDebug from 'debug';

/** Control characters would let what the API server says write lines of its own. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, ' ');
}

/** A log of `debug`, in the namespace `leader-for-life:NAME`. */
export function createLog(name: string): (message: string) => void {
  const log = createDebug(`leader-for-life:${name}`);
  return (message) => {
    if (log.enabled) log('%s', printable(message));
  };
}
