/** A recorded answer through the reader of its dialect. */

import type { InferenceEvent } from '../src/canonical/event.ts'
import { createFold } from '../src/canonical/fold.ts'
import type { InferenceResult } from '../src/canonical/result.ts'
import { unfold } from '../src/canonical/unfold.ts'
import type { StreamReader, TargetDialect } from '../src/dialects/dialect.ts'
import { GatewayError } from '../src/errors/gateway-error.ts'

/** The answer as events and as a whole, however it came. */
export interface ReadAnswer {
  readonly events: readonly InferenceEvent[]
  readonly result: InferenceResult
  /** Whether a reader of streams calls it whole. */
  readonly isComplete: boolean
  readonly anomalies: number
  /** The error it held, or that the reader made of it. */
  readonly error?: GatewayError
}

export function readPlainAnswer(dialect: TargetDialect, bytes: Uint8Array): ReadAnswer {
  try {
    const result = dialect.readResult(bytes)
    return { events: unfold(result), result, isComplete: true, anomalies: 0 }
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return { events: [], result: { candidates: [] }, isComplete: false, anomalies: 0, error }
  }
}

export function readStreamedAnswer(dialect: TargetDialect, chunks: readonly Uint8Array[]): ReadAnswer {
  const reader = dialect.createStreamReader()
  const events = eventsOf(reader, chunks)
  const failed = events.find((event) => event.type === 'error')
  return {
    events,
    result: foldEvents(events),
    isComplete: reader.isComplete,
    anomalies: reader.anomalies,
    ...(failed === undefined ? {} : { error: failed.error }),
  }
}

function eventsOf(reader: StreamReader, chunks: readonly Uint8Array[]): readonly InferenceEvent[] {
  const events: InferenceEvent[] = []
  for (const chunk of chunks) events.push(...reader.read(chunk))
  events.push(...reader.end())
  return events
}

export function foldEvents(events: readonly InferenceEvent[]): InferenceResult {
  const fold = createFold()
  for (const event of events) fold.add(event)
  return fold.result()
}

/** Events as text; errors compare by what they say. */
export function plainEvents(events: readonly InferenceEvent[]): string {
  return JSON.stringify(events, (_key, value: unknown) =>
    value instanceof GatewayError ? { code: value.code, message: value.message } : value,
  )
}
