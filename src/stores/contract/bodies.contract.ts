/** What every store must do with the bodies of requests and answers. */

import { describe, expect, test } from 'vitest'
import type { SealedBodies } from '../../archive/body-store.ts'
import { HOUR_MS, ONE_HOUR_MS, type OpenFixture, sealedBodies, withStore } from './samples.test-support.ts'

const LATER_MS = HOUR_MS + ONE_HOUR_MS + 1

export function describeBodies(open: OpenFixture): void {
  describe('the bodies', () => {
    test('are found by their exchange, byte for byte, until they expire', () =>
      withStore(open, async (store) => {
        const sealed = Uint8Array.from({ length: 700 }, (_, place) => place % 256)
        await store.putBodies([sealedBodies('a', { sealed }), sealedBodies('b')])
        expect(plain(await store.findBodies('a', HOUR_MS))).toEqual({
          ...sealedBodies('a'),
          sealed: [...sealed],
        })
        expect(await store.findBodies('a', LATER_MS)).toBeUndefined()
        expect(await store.findBodies('c', HOUR_MS)).toBeUndefined()
      }))

    test('come in place of what was kept of the same exchange, in one batch as well; none at all is no fault', () =>
      withStore(open, async (store) => {
        await store.putBodies([])
        await store.putBodies([sealedBodies('a', { sealed: Uint8Array.of(1) })])
        await store.putBodies([
          sealedBodies('a', { sealed: Uint8Array.of(2) }),
          sealedBodies('a', { sealed: Uint8Array.of(3) }),
        ])
        expect(plain(await store.findBodies('a', HOUR_MS))?.sealed).toEqual([3])
      }))

    test('are swept of what expired, and of the oldest beyond their bytes', () =>
      withStore(open, async (store) => {
        const of = (id: string, createdAtMs: number, expiresAtMs = LATER_MS) =>
          sealedBodies(id, { createdAtMs, expiresAtMs, sealed: new Uint8Array(100) })
        await store.putBodies([
          of('expired', HOUR_MS, HOUR_MS + 10),
          of('old', HOUR_MS + 1),
          of('new', HOUR_MS + 2),
          of('newest', HOUR_MS + 3),
        ])
        expect(await store.sweepBodies(HOUR_MS + 20, 250)).toBe(2)
        const left = await Promise.all(
          ['expired', 'old', 'new', 'newest'].map((id) => store.findBodies(id, HOUR_MS)),
        )
        expect(left.map((kept) => kept?.exchangeId)).toEqual([undefined, undefined, 'new', 'newest'])
        expect(await store.sweepBodies(HOUR_MS + 20, 250)).toBe(0)
      }))
  })
}

/** Bytes as numbers: a Buffer is as good as any Uint8Array. */
function plain(kept: SealedBodies | undefined) {
  return kept && { ...kept, sealed: [...kept.sealed] }
}
