/** What the process of a replica tells the demo, in the order in which it happens. */
export type Report =
  | { readonly what: 'waits'; readonly atMs: number; readonly holderPod: string | undefined }
  | { readonly what: 'leads'; readonly atMs: number; readonly fencingToken: string }
  /** Did something that only the leader may do. */
  | { readonly what: 'works'; readonly atMs: number }
  /** Sent before the lock is given up: from here on this process does not lead. */
  | { readonly what: 'releases'; readonly atMs: number }
  /** Learnt that it does not lead any more, and stopped. */
  | { readonly what: 'loses'; readonly atMs: number };

/** Milliseconds on the machine's monotonic clock, which is one for all of its processes. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
