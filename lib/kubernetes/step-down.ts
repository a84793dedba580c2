import type { Api } from './api.ts';
import { type Json, child, text } from './json.ts';
import { hasStatus, isAbsent, isConflict } from './outcome.ts';
import { mergePatch } from './transport.ts';

/** An annotation of a lock: the identity of the holder that is asked to hand over. */
export const STEP_DOWN = 'leader-for-life/step-down';

/** Whether the metadata of a lock ask this holder to hand over. */
export function asksToStepDown(metadata: Json, holder: string | undefined): boolean {
  return holder ? text(child(metadata, 'annotations'), STEP_DOWN) === holder : false;
}

export interface StepDownRequest {
  /** Path of the ConfigMap or Lease. */
  readonly path: string;
  /** The version that was read. */
  readonly object: Json;
  readonly holder: string;
  /** Goes into the Lease's `spec`, if given. */
  readonly preferredHolder?: string | undefined;
}

/** Asks the holder of exactly this version to step down; `'changed'` if there is another one. */
export async function writeStepDown(
  api: Api,
  { path, object, holder, preferredHolder }: StepDownRequest,
  signal: AbortSignal,
): Promise<Json | 'changed'> {
  const metadata = child(object, 'metadata');
  const [uid, resourceVersion] = [text(metadata, 'uid'), text(metadata, 'resourceVersion')];
  const request = mergePatch(path, {
    metadata: { uid, resourceVersion, annotations: { [STEP_DOWN]: holder } },
    ...(preferredHolder !== undefined && { spec: { preferredHolder } }),
  });
  try {
    return await api.request(request, (answer) => answer, signal);
  } catch (error) {
    // Another UID would change an immutable field: 422. The message begins with names.
    const isOther = hasStatus(error, 422) && error.message.includes('metadata.uid: ');
    if (isAbsent(error) || isConflict(error) || isOther) return 'changed';
    throw error;
  }
}
