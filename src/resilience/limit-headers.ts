/**
 * What providers say of their limits with every answer. One table of spellings, keyed by header and not by provider, so
 * that whoever speaks as OpenAI does is understood as OpenAI is.
 */

import type { ResponseHeaders } from '../std/transport.ts'
import { parseDuration } from './reset-values.ts'

/** One limit as headers spell it. */
export interface LimitSpelling {
  /** Requests count one each; how many tokens a call costs has to be learned. */
  readonly counts: 'requests' | 'tokens'
  readonly limit: string
  readonly remaining: string
  /** The time until everything is replenished, or the moment; not how long to wait. */
  readonly reset: string
  /** The window that the spelling itself names, ms: for providers that send no reset (Mistral). */
  readonly windowMs?: number
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

function xRateLimit(counts: LimitSpelling['counts'], name: string, windowMs?: number): LimitSpelling {
  const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map(
    (word) => `x-ratelimit-${word}-${name}`,
  )
  return {
    counts,
    limit: limit ?? '',
    remaining: remaining ?? '',
    reset: reset ?? '',
    ...(windowMs && { windowMs }),
  }
}

function anthropic(counts: LimitSpelling['counts'], name: string): LimitSpelling {
  const prefix = `anthropic-ratelimit-${name}`
  return { counts, limit: `${prefix}-limit`, remaining: `${prefix}-remaining`, reset: `${prefix}-reset` }
}

/** Every limit that is understood; a target's buckets stand in this order. */
export const limitSpellings: readonly LimitSpelling[] = [
  // OpenAI, Azure, Groq (whose requests are of a day) and the many that speak as they do.
  xRateLimit('requests', 'requests'),
  xRateLimit('tokens', 'tokens'),
  anthropic('requests', 'requests'),
  anthropic('tokens', 'tokens'),
  anthropic('tokens', 'input-tokens'),
  anthropic('tokens', 'output-tokens'),
  // Mistral.
  xRateLimit('requests', 'req-minute', MINUTE_MS),
  // Mistral and Cerebras.
  xRateLimit('tokens', 'tokens-minute', MINUTE_MS),
  // Cerebras.
  xRateLimit('requests', 'requests-minute', MINUTE_MS),
  xRateLimit('requests', 'requests-day', DAY_MS),
  xRateLimit('tokens', 'tokens-day', DAY_MS),
]

export interface LimitReading {
  /** L: the capacity. Absent where it is not said (older Azure). */
  readonly limit?: number
  /** R: what is left. */
  readonly remaining: number
  /** T: ms until everything is back. Absent where it is not said, or makes no sense. */
  readonly resetMs?: number
}

/** Whether an answer says anything of a limit; costs a look-up a spelling, and no memory. */
export function hasLimits(headers: ResponseHeaders): boolean {
  for (const { remaining } of limitSpellings) if (headers[remaining] !== undefined) return true
  return false
}

/**
 * One limit, as an answer states it; undefined where it is not stated, or is garbage: negative (Azure's -1), not a
 * number, an empty limit, or nothing left and yet all back at once (Azure's 0 and 0). `wallMs`, ms since the Unix
 * epoch, stands in for the response's `date`.
 */
export function readLimit(
  headers: ResponseHeaders,
  spelling: LimitSpelling,
  wallMs: number,
): LimitReading | undefined {
  const remaining = readCount(headers[spelling.remaining])
  if (remaining === undefined) return undefined
  const limitText = headers[spelling.limit]
  const limit = readCount(limitText)
  if (limitText !== undefined && !(limit !== undefined && limit > 0)) return undefined
  const resetMs = readResetMs(headers, spelling.reset, wallMs)
  if (remaining === 0 && resetMs === 0) return undefined
  return {
    remaining: limit === undefined ? remaining : Math.min(remaining, limit),
    ...(limit !== undefined && { limit }),
    ...(resetMs !== undefined && { resetMs }),
  }
}

/** A duration needs no date; most providers send one, and reading dates costs more than all the rest here. */
function readResetMs(headers: ResponseHeaders, name: string, wallMs: number): number | undefined {
  const text = headers[name]
  if (text === undefined) return undefined
  const durationMs = parseDuration(text)
  if (durationMs !== undefined) return durationMs
  const sentAtMs = Date.parse(headers['date'] ?? '')
  return parseDuration(text, Number.isNaN(sentAtMs) ? wallMs : sentAtMs)
}

/** A whole number of at most fifteen digits: beyond them nothing is exact, and no limit is real. */
function readCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
