import fc from 'fast-check'
import { expect, test } from 'vitest'
import { COOLDOWN_JITTER, drawCooldownMs, PROVIDER_COOLDOWNS_MS } from './cooldown.ts'

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('a cooldown is a tenth longer or shorter than its step, by chance', () => {
  fc.assert(
    fc.property(fc.nat(20), chance, (openings, drawn) => {
      const stepMs = PROVIDER_COOLDOWNS_MS[Math.min(openings, 2)] ?? 0
      const ms = drawCooldownMs(openings, 'provider', { next: () => drawn })
      expect(Math.abs(ms - stepMs)).toBeLessThanOrEqual(stepMs * COOLDOWN_JITTER + 0.001)
    }),
  )
})

test('no chance makes the cooldown of a broken way longer than two minutes', () => {
  fc.assert(
    fc.property(fc.nat(20), chance, (openings, drawn) => {
      const ms = drawCooldownMs(openings, 'local', { next: () => drawn })
      expect(ms).toBeGreaterThanOrEqual(4_500)
      expect(ms).toBeLessThanOrEqual(120_000)
    }),
  )
})
