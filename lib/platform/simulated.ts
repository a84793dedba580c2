/** Where a kubeConfig or a lock of `leader-for-life/testing` keeps its platform. */
export const simulated = Symbol.for('leader-for-life/platform');
