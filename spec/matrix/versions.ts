/** The Node.js versions that the package is tried on: the oldest that `engines` allows, then each line. */
export const nodes = ['22.19.0', '22', '24', '26'];

/** The other runtimes and the bundlers: those that were tried last. */
export const tools = {
  bun: '1.4.5',
  deno: '2.9.6',
  esbuild: '0.28.2',
  '@vercel/ncc': '0.45.0',
} as const;

/** Compilers that read the declarations: the oldest, the last of its line, and the newest. */
export const typescripts = ['5.0', '5.9', '6'];

/** Likewise those of @kubernetes/client-node; it has no line `1.5`. */
export const clientNodes = ['1.4.0', '2'];
