/** Which seals a memory store holds. */

import type { SealCount, SealCounts } from '../../reports/sealed-store.ts'
import { SEAL_HEADER_BYTES } from '../../std/sealer.ts'

export interface SealedPiece {
  readonly sealed: Uint8Array
  readonly expiresAtMs: number
}

export function countSeals(pieces: readonly SealedPiece[], nowMs: number): SealCounts {
  const counts = new Map<string, SealCount>()
  for (const { sealed, expiresAtMs } of pieces) {
    if (expiresAtMs <= nowMs) continue
    const header = sealed.slice(0, SEAL_HEADER_BYTES)
    const name = Buffer.from(header).toString('latin1')
    const { count = 0, expireAtMs = 0 } = counts.get(name) ?? {}
    counts.set(name, { header, count: count + 1, expireAtMs: Math.max(expireAtMs, expiresAtMs) })
  }
  return { counts: [...counts.values()] }
}
