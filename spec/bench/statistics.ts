export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

export function minimum(values: readonly number[]): number {
  return values.length > 0 ? Math.min(...values) : NaN;
}

export function maximum(values: readonly number[]): number {
  return values.length > 0 ? Math.max(...values) : NaN;
}
