import type { ApiServer } from './api-server.ts';
import { HttpServer } from './http-server.ts';
import type { TlsIdentity } from './tls-identity.ts';

type Client = typeof import('@kubernetes/client-node');

/** Where a cluster listens, and what configures clients for it. */
export interface Port {
  readonly server: HttpServer;
  readonly client: Client;
}

/** Listens on a port. Loaded only then: this is what a browser cannot run. */
export async function openPort(server: ApiServer, tls: TlsIdentity | undefined): Promise<Port> {
  const [listening, client] = await Promise.all([
    HttpServer.listen(server, tls),
    import('@kubernetes/client-node'),
  ]);
  return { server: listening, client };
}
