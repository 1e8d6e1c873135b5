/** What an operator is told when the process falls behind with its work or is stuck, and when it has caught up. */

import { describeDefect } from '../errors/describe-defect.ts'
import { LAG_REST_MS, type LagEpisode } from '../std/event-loop-lag.ts'
import type { NoticeRecord } from '../telemetry/records.ts'
import type { Stuck } from './watchdog/watchdog.ts'

export function noticeOfBlock({ longestMs }: LagEpisode): NoticeRecord {
  const lagMs = Math.round(longestMs)
  return {
    level: 'warn',
    name: 'event_loop_blocked',
    message: `The process was ${lagMs} ms behind with its work: new requests are turned away until it has caught up.`,
    facts: { lagMs },
  }
}

export function noticeOfRecovery({ longestMs, durationMs }: LagEpisode): NoticeRecord {
  const longestLagMs = Math.round(longestMs)
  return {
    level: 'info',
    name: 'event_loop_recovered',
    message: `The process has caught up with its work, and takes all requests again; it was ${longestLagMs} ms behind at worst.`,
    facts: { longestLagMs, durationMs: Math.round(durationMs) },
  }
}

export function noticeOfStuck({ stuckMs, stack }: Stuck): NoticeRecord {
  return {
    level: 'error',
    name: 'event_loop_stuck',
    message: `Nothing was done for ${stuckMs} ms and more: a defect of the gateway, or a machine without time for it. /readyz says 503 until it has kept up for ${LAG_REST_MS} ms.`,
    facts: { stuckMs, ...(stack !== undefined && { stack }) },
  }
}

export function noticeOfWatchdogEnd(error: unknown): NoticeRecord {
  return {
    level: 'warn',
    name: 'watchdog_ended',
    message:
      'The watchdog ended by itself: requests go on, and where the process is stuck nobody sees any more.',
    facts: { ...describeDefect(error) },
  }
}
