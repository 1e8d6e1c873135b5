/** Makes room among what a memory store keeps: what expired goes, then the oldest beyond a bound. */

export interface SweepRules<Kept> {
  readonly nowMs: number
  readonly bytesMax: number
  bytesOf(kept: Kept): number
}

/** `kept` is in order of arrival; how many went. */
export function sweepKept<Kept extends { readonly expiresAtMs: number }>(
  kept: Map<string, Kept>,
  rules: SweepRules<Kept>,
): number {
  const before = kept.size
  let bytes = 0
  for (const [id, one] of kept) {
    if (one.expiresAtMs <= rules.nowMs) kept.delete(id)
    else bytes += rules.bytesOf(one)
  }
  for (const [id, one] of kept) {
    if (bytes <= rules.bytesMax) break
    bytes -= rules.bytesOf(one)
    kept.delete(id)
  }
  return before - kept.size
}
