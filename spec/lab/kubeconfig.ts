import { rename, writeFile } from 'node:fs/promises';

/** A way to an API server. */
export interface Access {
  readonly server: string;
  /** The authority to trust, in PEM. Without, none is asked for. */
  readonly ca?: string;
  readonly token?: string;
  readonly namespace?: string;
}

/** Writes a kubeconfig file. It may be read at any time, and never half. */
export async function writeKubeconfig(path: string, access: Access): Promise<void> {
  const { server, ca, token, namespace } = access;
  const trust =
    ca === undefined
      ? { 'insecure-skip-tls-verify': true }
      : { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster: { server, ...trust } }],
    users: [{ name: 'user', user: { token } }],
    contexts: [{ name: 'context', context: { cluster: 'cluster', user: 'user', namespace } }],
    'current-context': 'context',
  };
  await writeFile(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
