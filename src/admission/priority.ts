/** Who goes first where callers must wait for a target. */

export type Priority = 'high' | 'normal' | 'low'

/** The header a client says it with. */
export const PRIORITY_HEADER = 'x-holdfast-priority'

/** The value of the header, in any case; what is none of the three, or not there, is `normal`. */
export function readPriority(value: unknown): Priority {
  if (typeof value !== 'string') return 'normal'
  const word = value.trim().toLowerCase()
  return word === 'high' || word === 'low' ? word : 'normal'
}

/** Highest first. */
export const PRIORITIES = ['high', 'normal', 'low'] as const satisfies readonly Priority[]

/**
 * How much later than it came a caller is treated as having come, ms. This is the whole rule of order and of aging: who
 * came first in these terms goes first. So a high one passes every normal one that came up to 10 s before it, and a low
 * one that waited 30 s goes before whoever comes now: the flood of one class can delay another, never starve it.
 */
export const HANDICAP_MS: Readonly<Record<Priority, number>> = { high: 0, normal: 10_000, low: 30_000 }
