/** A time, in milliseconds of the machine's monotonic clock. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The same times without overlaps, within bounds. */
export function union(spans: readonly Span[], { fromMs, toMs }: Span): Span[] {
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const [from, to] = [Math.max(span.fromMs, fromMs), Math.min(span.toMs, toMs)];
    if (to < from) continue;
    const last = merged.at(-1);
    if (last && from <= last.toMs) last.toMs = Math.max(last.toMs, to);
    else merged.push({ fromMs: from, toMs: to });
  }
  return merged;
}

/** What is between them, within bounds. They do not overlap, and are in order. */
export function between(spans: readonly Span[], { fromMs, toMs }: Span): Span[] {
  const edges = [fromMs, ...spans.flatMap((span) => [span.fromMs, span.toMs]), toMs];
  return Array.from({ length: edges.length / 2 }, (_, index) => ({
    fromMs: edges[2 * index] ?? 0,
    toMs: edges[2 * index + 1] ?? 0,
  })).filter((span) => span.fromMs < span.toMs);
}

export function isWithin(inner: Span, outer: Span): boolean {
  return outer.fromMs <= inner.fromMs && inner.toMs <= outer.toMs;
}

/** For how long of a time something was so. The spans do not overlap. */
export function coveredMs(spans: readonly Span[], { fromMs, toMs }: Span): number {
  return spans.reduce(
    (sum, span) => sum + Math.max(0, Math.min(span.toMs, toMs) - Math.max(span.fromMs, fromMs)),
    0,
  );
}
