import { join } from 'node:path';
import { hasImage, importImage } from '../cluster/containerd.ts';
import { goProgram } from '../cluster/go.ts';
import type { Cluster } from '../cluster/state.ts';

/** Builds the candidate in Go once, and puts it on the node as an image, whose name it tells. */
export async function operatorLibImage(cluster: Cluster): Promise<string> {
  const { path, version } = await goProgram(join(import.meta.dirname, 'operator-lib'));
  const name = `localhost/operator-lib:${version}`;
  if (await hasImage(cluster, name)) return name;
  const to = '/operator-lib';
  await importImage(cluster, { name, files: [{ from: path, to }], entrypoint: [to] });
  return name;
}
