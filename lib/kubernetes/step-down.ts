import { child, type Json, text } from './json.ts';

/** An annotation of a lock: the identity of the holder that is asked to hand over. */
export const STEP_DOWN = 'leader-for-life/step-down';

/** Whether the metadata of a lock ask this holder to hand over. */
export function asksToStepDown(metadata: Json, holder: string | undefined): boolean {
  return holder ? text(child(metadata, 'annotations'), STEP_DOWN) === holder : false;
}
