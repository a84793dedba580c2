/**
 * The methods of a `KubeConfig` of `@kubernetes/client-node` that are used here. They are declared,
 * not imported, so an app may use any supported version of that package, and its types need not
 * compile.
 */
export interface KubeConfigLike {
  /** The cluster of the current context. */
  getCurrentCluster(): {
    readonly name: string;
    readonly server: string;
    readonly skipTLSVerify?: boolean | undefined;
    readonly proxyUrl?: string | undefined;
  } | null;
  /** The name of the current context. */
  getCurrentContext(): string;
  /** The context of this name. */
  getContextObject(name: string): { readonly namespace?: string | undefined } | null;
  /** Puts credentials into the options of a `node:https` request. */
  applyToHTTPSOptions(options: object): Promise<void>;
}
