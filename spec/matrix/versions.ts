/** The Node.js versions that the package is tried on: the oldest that `engines` allows, then each line. */
export const nodes = ['22.19.0', '22', '24', '26'];

/** Likewise those of @kubernetes/client-node; it has no line `1.5`. */
export const clientNodes = ['1.4.0', '2'];
