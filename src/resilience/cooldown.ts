/** How long a breaker stays open. Numbers: resilience.md, target health. */

import type { Random } from '../std/ids.ts'

/** What failed: the provider, which heals soon, or the way to it, which may not. */
export type FailureOrigin = 'provider' | 'local'

/** After the first opening, the second, and every one after them, until a success. */
export const PROVIDER_COOLDOWNS_MS = [5_000, 10_000, 15_000] as const
/** No connection, no TLS: the last of them, lengthened by chance, stays below two minutes. */
export const LOCAL_COOLDOWNS_MS = [5_000, 10_000, 20_000, 40_000, 80_000, 109_000] as const
/** Each is by up to this share longer or shorter, by chance, so that not all instances come back in step. */
export const COOLDOWN_JITTER = 0.1

/** `openings`: those before this one since the last success. */
export function drawCooldownMs(openings: number, origin: FailureOrigin, random: Random): number {
  const steps = origin === 'local' ? LOCAL_COOLDOWNS_MS : PROVIDER_COOLDOWNS_MS
  const baseMs = steps[Math.min(openings, steps.length - 1)] ?? steps[0]
  return baseMs * (1 + COOLDOWN_JITTER * (2 * random.next() - 1))
}
