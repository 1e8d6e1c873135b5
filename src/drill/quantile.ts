/** Quantiles by the nearest rank: always a value that was really measured. */

/** `undefined` of nothing. `p` from 0 to 1; `sorted` ascending. */
export function quantile(sorted: readonly number[], p: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)]
}
