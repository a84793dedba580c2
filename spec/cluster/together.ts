/**
 * together waits for all of `work`, then throws what the first of them to be listed threw. So
 * nothing of it goes on unseen, as it would after Promise.all.
 */
export async function together(work: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === 'rejected') throw result.reason;
  }
}
