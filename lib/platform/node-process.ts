/**
 * The process, or undefined in a browser, where simulations run. Modules of Node.js are taken from it,
 * because bundlers for browsers refuse to import them.
 */
export const nodeProcess = (globalThis as { readonly process?: Partial<NodeJS.Process> }).process;
