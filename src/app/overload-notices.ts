/** What an operator is told when the process falls behind with its work, and when it has caught up. */

import type { LagEpisode } from '../std/event-loop-lag.ts'
import type { NoticeRecord } from '../telemetry/records.ts'

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
