/** The house's channels. Whoever wants to know subscribes; whoever publishes never waits and never fails. */

import { createChannel } from '../std/channel.ts'
import type { AttemptRecord, ExchangeRecord, NoticeRecord, Telemetry, TransitionRecord } from './records.ts'

/** Channels nobody listens to yet. */
export function createTelemetry(): Telemetry {
  return {
    attempts: createChannel<AttemptRecord>(),
    exchanges: createChannel<ExchangeRecord>(),
    notices: createChannel<NoticeRecord>(),
    transitions: createChannel<TransitionRecord>(),
  }
}

/** How often a subscriber of any channel threw. */
export function subscriberFaults(telemetry: Telemetry): number {
  return (
    telemetry.attempts.subscriberFaults +
    telemetry.exchanges.subscriberFaults +
    telemetry.notices.subscriberFaults +
    telemetry.transitions.subscriberFaults
  )
}
