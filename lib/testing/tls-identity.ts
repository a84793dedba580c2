/** A key and certificate in PEM, with which the cluster speaks TLS. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}
