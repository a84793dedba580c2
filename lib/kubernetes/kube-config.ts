/**
 * The part of a `KubeConfig` of `@kubernetes/client-node` that is used here. It is declared, not
 * imported: an app may use any supported version of that package, and its types need not compile.
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
  /** Puts credentials into the options of a request of `node:https`. */
  applyToHTTPSOptions(options: object): Promise<void>;
}
