/** Passes for a KubeConfig; the transport of a simulation needs none. */
export const kubeConfig = {
  getCurrentCluster: () => ({
    name: 'simulation',
    server: 'http://simulation.invalid',
    skipTLSVerify: true,
  }),
  getCurrentContext: () => 'simulation',
  getContextObject: () => null,
  applyToHTTPSOptions: () => Promise.resolve(),
};
