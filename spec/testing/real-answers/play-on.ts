import { setTimeout as sleep } from 'node:timers/promises';

import type { Wire } from '../../contract/wire.ts';
import type { Exchange } from './exchanges.ts';
import { NAMESPACE, play } from './play.ts';

/** A namespace takes some seconds to go, on a busy machine more. */
const GONE_WITHIN_MS = 120_000;

/** Plays one group in a namespace that is made for it, and deleted. */
export async function playOn(admin: Wire, group: string) {
  const deadline = performance.now() + GONE_WITHIN_MS;
  while ((await admin.send('DELETE', NAMESPACE)).status !== 404) {
    if (performance.now() > deadline) throw new Error(`${NAMESPACE} does not go`);
    await sleep(200);
  }
  const body = { metadata: { name: 'real-answers' } };
  await admin.send('POST', '/api/v1/namespaces', { body });
  const ask = ({ method, path, text, contentType, accept, asNobody }: Exchange) =>
    admin.send(method, path, {
      ...(text !== undefined && { text }),
      ...(contentType !== undefined && { contentType }),
      ...(accept !== undefined && { accept }),
      ...(asNobody && { headers: { 'impersonate-user': 'nobody' } }),
    });
  const answers = await play(group, { ask, settle: () => sleep(2_000) });
  await admin.send('DELETE', NAMESPACE);
  return answers;
}
