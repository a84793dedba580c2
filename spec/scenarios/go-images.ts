import { basename, join } from 'node:path';
import { hasImage, importImage } from '../cluster/containerd.ts';
import { goProgram } from '../cluster/go.ts';
import type { Cluster } from '../cluster/state.ts';
import type { CandidateOptions } from './manifest.ts';

const SPEC = join(import.meta.dirname, '..');

/** A candidate that leads for life as Go operators do, by operator-lib. */
export async function operatorLib(cluster: Cluster): Promise<CandidateOptions> {
  return { image: await goImage(cluster, join(SPEC, 'scenarios', 'operator-lib')) };
}

/** A candidate that leads by a Lease as Go programs do, by client-go. */
export async function clientGo(
  cluster: Cluster,
  flags: readonly string[] = [],
): Promise<CandidateOptions> {
  const place = ['--namespace=$(POD_NAMESPACE)', '--lease=$(LOCK)', '--identity=$(POD_NAME)'];
  return {
    image: await goImage(cluster, join(SPEC, 'lab', 'client-go'), 'candidate'),
    container: { args: [...place, ...flags] },
  };
}

/** Builds the program once, and puts it on the node as an image, whose name it resolves with. */
async function goImage(cluster: Cluster, folder: string, program = '.'): Promise<string> {
  const { path, version } = await goProgram(folder, program);
  const name = `localhost/${basename(folder)}:${version}`;
  if (await hasImage(cluster, name)) return name;
  const to = `/${basename(folder)}`;
  await importImage(cluster, { name, files: [{ from: path, to }], entrypoint: [to] });
  return name;
}
