/**
 * What is noticed while a gateway starts and has no log yet: the store and its keys are opened first, and the log hangs on
 * the whole configuration.
 */

import type { NoticeRecord, Telemetry } from '../telemetry/records.ts'

/** Of one start. */
export const EARLY_NOTICES_MAX = 100

export interface EarlyNotices {
  /** All that came until now; what comes later is not held. */
  take(): readonly NoticeRecord[]
}

export function holdNotices(notices: Telemetry['notices']): EarlyNotices {
  const held: NoticeRecord[] = []
  const leave = notices.subscribe((notice) => {
    if (held.length < EARLY_NOTICES_MAX) held.push(notice)
  })
  return {
    take() {
      leave()
      return held
    },
  }
}
