import type { Readable } from 'node:stream';

/**
 * The first half of a body; of one whose length is not known, half of what comes first. Then comes
 * an error, or an end.
 */
export async function* cut(
  body: Readable,
  length: number,
  as: 'reset' | 'complete',
): AsyncGenerator<Buffer> {
  let left = Math.floor(length / 2);
  for await (const part of body) {
    const chunk = part as Buffer;
    if (Number.isNaN(left)) left = Math.floor(chunk.length / 2);
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) break;
  }
  if (as === 'reset') throw new Error('the fault proxy cut the body off');
}
