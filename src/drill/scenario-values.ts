/** The values that scenarios are written in: shares, moments of the day, and how long something lasts. */

import { z } from 'zod'
import { durationSchema, shareSchema } from '../std/config-values.ts'
import { DAY_MS } from './scenario.ts'

/** `5%`, of anything; read as 0.05. */
export const partSchema = shareSchema({ minPercent: 0, maxPercent: 100 })

/** How long something lasts, ms: from a millisecond to the whole day. */
export const lastingSchema = durationSchema({ minMs: 1, maxMs: DAY_MS })

const sinceMidnight = durationSchema({ minMs: 0, maxMs: DAY_MS })

/** A moment of the day in ms: `14:30` on the clock, or a duration since midnight, such as `14.5h`. */
export const momentSchema = z
  .string()
  .transform((text, context) => {
    const onClock = parseClock(text)
    if (onClock !== undefined) return onClock
    const parsed = sinceMidnight.safeParse(text)
    if (parsed.success) return parsed.data
    context.addIssue({
      code: 'custom',
      message: 'is no moment of the day: write 14:30, or the time since midnight, such as 14.5h',
    })
    return z.NEVER
  })
  .meta({ examples: ['14:30', '14.5h'] })

function parseClock(text: string): number | undefined {
  const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text.trim())
  return match === null ? undefined : Number(match[1]) * 3_600_000 + Number(match[2]) * 60_000
}
